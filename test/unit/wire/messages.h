/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages to try the codec with. */
#ifndef BATON_TEST_WIRE_MESSAGES_H
#define BATON_TEST_WIRE_MESSAGES_H

#include "baton/health.h"

enum {
	MESSAGE_HEARTBEAT,
	MESSAGE_HEARTBEAT_FULL,
	MESSAGE_GOODBYE,
	MESSAGE_ROW_CHANGE,
	MESSAGE_ROW_CHANGE_EMPTY,
	MESSAGE_GET_SNAPSHOT,
	MESSAGE_SEND_SNAPSHOT,
	MESSAGE_SEND_SNAPSHOT_EMPTY,
	MESSAGE_POSTULATE,
	MESSAGE_POSTULATE_WRONG,
	MESSAGE_GROUP_HEARTBEAT,
	MESSAGE_GROUP_MEMBERSHIP,
	MESSAGE_GROUP_ASK,
	N_MESSAGES
};

/* One of the messages above; its arrays are static. */
struct health_message message_example(unsigned which);
/* A row with every number at its greatest and every text at its longest. */
struct health_row message_row_full(void);
/* Fail the running test unless both say the same. */
void message_assert_equal(const struct health_message *a, const struct health_message *b);

#endif
