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

/* Where the classifier learns what an endpoint can take (H1, H8). */
enum baton_health_source {
	BATON_HEALTH_STATIC, /* from the capacity in the VIP's file */
	BATON_HEALTH_AGENT,  /* from what the host's agent says of its applications */
	BATON_N_HEALTH_SOURCES
};

/* What becomes of established connections when their application turns inactive (H3). */
enum baton_inactive {
	BATON_INACTIVE_HOLD, /* they go on */
	BATON_INACTIVE_STOP, /* their routes go; the next packet meets the VIP's policy for unknown connections */
	BATON_N_INACTIVES
};

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
