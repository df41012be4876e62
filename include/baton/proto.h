/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers that the configuration, the classifier and the forwarder share. */
#ifndef BATON_PROTO_H
#define BATON_PROTO_H

/* How packets of a VIP travel to its hosts (requirement F2). */
enum baton_mode {
	BATON_MODE_TUNNEL,   /* port-field tunnel; the host needs baton-agent */
	BATON_MODE_HALF_NAT, /* destination rewritten; replies through the device */
	BATON_MODE_FULL_NAT, /* both ends rewritten; replies through the device */
	BATON_N_MODES
};

/* In which order a classifier uses up the tokens of an allotment (C2). */
enum baton_consume {
	BATON_CONSUME_ROUND_ROBIN, /* one token of each endpoint in turn */
	BATON_CONSUME_LINEAR,      /* all tokens of one endpoint, then the next */
	BATON_CONSUME_GREATEST,    /* the endpoint with the most tokens left */
	BATON_N_CONSUMES
};

/* What happens to a mid-session packet that no table knows (C4). */
enum baton_unknown {
	BATON_UNKNOWN_RESET,
	BATON_UNKNOWN_DROP,
	BATON_UNKNOWN_HASH, /* rendezvous-hash guess over the endpoints */
	BATON_N_UNKNOWNS
};

/* What a host next hop that does not answer means for new connections. */
enum baton_unreachable { BATON_UNREACHABLE_AVOID, BATON_UNREACHABLE_KEEP, BATON_N_UNREACHABLES };

/* State of a connection as far as the balancer sees it; selects the idle timeout. */
enum baton_conn_state {
	BATON_CONN_SYN,         /* TCP, only the client's SYN so far */
	BATON_CONN_ESTABLISHED, /* TCP */
	BATON_CONN_FIN,         /* TCP, one side has finished */
	BATON_CONN_CLOSED,      /* TCP, both finished or reset */
	BATON_CONN_UDP,
	BATON_N_CONN_STATES
};

#endif
