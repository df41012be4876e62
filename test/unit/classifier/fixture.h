/* SPDX-License-Identifier: BSD-3-Clause */
/* Views, packets and classifiers for the tests of the classifier. */
#ifndef TEST_CLASSIFIER_FIXTURE_H
#define TEST_CLASSIFIER_FIXTURE_H

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "classifier/classifier.h"

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10

#define SECONDS(n) ((n)*CLOCK_NS_PER_S)

/* A view with one IPv4 VIP, id 0, 192.0.2.1:80, and endpoints 0 … n - 1 on 10.0.0.1:8080 and up, capacity 10. */
struct view *fixture_view(uint8_t proto, uint8_t mode, uint16_t n_endpoints);
struct classifier_params fixture_params(void);
struct classifier *fixture_classifier(const struct classifier_params *p);

/* TCP or UDP packet from client number n (its address and port) to VIP 0. */
struct classifier_packet fixture_packet(const struct view *v, uint32_t client, uint8_t tcp_flags, uint8_t forwarder);
/* The answer that a host gives to a packet that left by this NAT route. */
struct classifier_packet fixture_reply(const struct plumb_route *r, uint8_t tcp_flags, uint8_t forwarder);

/* Tokens for every endpoint of VIP 0, in order; n of them. Made at now, valid for a second. */
struct allotment fixture_allotment(uint8_t kind, const uint32_t *shares, uint16_t n, uint64_t now_ns);

#endif
