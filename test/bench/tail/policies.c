/* SPDX-License-Identifier: BSD-3-Clause */
/* The ways to choose that baton is compared with. */
#include <stdlib.h>
#include <string.h>

#include "tail.h"

/* What a balancer keeps for itself. */
struct own {
	unsigned next[TAIL_MAX_BALANCERS];                 /* round robin: last host */
	double turn[TAIL_MAX_BALANCERS][TAIL_MAX_HOSTS];   /* smooth weighted round robin */
	uint32_t open[TAIL_MAX_BALANCERS][TAIL_MAX_HOSTS]; /* least connections: sent and not done */
};

static void *own_new(struct tail *w)
{
	struct own *o = calloc(1, sizeof(*o));

	/* balancers do not begin in step */
	for (unsigned b = 0; o && b < w->p.n_balancers; b++) {
		o->next[b] = random_below(&w->random, w->p.n_hosts);
		for (unsigned i = 0; i < w->p.n_hosts; i++)
			o->turn[b][i] = w->hosts[i].speed * random_unit(&w->random);
	}
	return o;
}

static unsigned choose_round_robin(struct tail *w, unsigned balancer)
{
	struct own *o = w->own;

	return o->next[balancer] = (o->next[balancer] + 1) % w->p.n_hosts;
}

/* As in nginx (upstream round robin): everyone gains its weight, the first one pays for all. */
static unsigned choose_smooth(struct tail *w, unsigned balancer)
{
	struct own *o = w->own;
	double *turn = o->turn[balancer], sum = 0;
	unsigned best = 0;

	for (unsigned i = 0; i < w->p.n_hosts; i++) {
		double weight = i % 2 ? w->p.fast : 1;

		turn[i] += weight;
		sum += weight;
		if (turn[i] > turn[best])
			best = i;
	}
	turn[best] -= sum;
	return best;
}

static unsigned choose_random(struct tail *w, unsigned balancer)
{
	return random_below(&w->random, w->p.n_hosts);
}

/* Mitzenmacher, 2001, with the hosts' true queues at this moment, relative to their nominal speed. */
static unsigned choose_two(struct tail *w, unsigned balancer)
{
	unsigned a = random_below(&w->random, w->p.n_hosts), b = random_below(&w->random, w->p.n_hosts - 1);

	b += b >= a;
	return w->hosts[a].n / w->hosts[a].speed <= w->hosts[b].n / w->hosts[b].speed ? a : b;
}

/* Of the least, one at random. */
static unsigned choose_least(struct tail *w, double (*cost)(struct tail *, unsigned, unsigned), unsigned balancer)
{
	unsigned best = 0, n = 0;
	double least = 0;

	for (unsigned i = 0; i < w->p.n_hosts; i++) {
		double c = cost(w, balancer, i);

		if (n == 0 || c < least) {
			least = c;
			n = 0;
		}
		if (c > least)
			continue;
		n++;
		if (random_below(&w->random, n) == 0)
			best = i;
	}
	return best;
}

static double cost_open(struct tail *w, unsigned balancer, unsigned host)
{
	struct own *o = w->own;

	return (o->open[balancer][host] + 1) / w->hosts[host].speed;
}

static unsigned choose_open(struct tail *w, unsigned balancer)
{
	struct own *o = w->own;
	unsigned host = choose_least(w, cost_open, balancer);

	o->open[balancer][host]++;
	return host;
}

static void done_open(struct tail *w, unsigned balancer, unsigned host)
{
	struct own *o = w->own;

	o->open[balancer][host]--;
}

static double cost_reported(struct tail *w, unsigned balancer, unsigned host)
{
	return (w->reports[host].n + 1) / w->hosts[host].speed;
}

static unsigned choose_reported(struct tail *w, unsigned balancer)
{
	return choose_least(w, cost_reported, balancer);
}

/* When it would be done there on average: true queue, true speed of this moment. */
static double cost_true(struct tail *w, unsigned balancer, unsigned host)
{
	const struct tail_host *h = &w->hosts[host];
	double ahead = h->n < w->p.n_cores ? 0 : (double)(h->n - w->p.n_cores + 1) / w->p.n_cores;

	return (ahead + 1) / (h->speed * h->factor);
}

static unsigned choose_omniscient(struct tail *w, unsigned balancer)
{
	return choose_least(w, cost_true, balancer);
}

static double cost_queue(struct tail *w, unsigned balancer, unsigned host)
{
	return w->hosts[host].n;
}

static unsigned choose_queue(struct tail *w, unsigned balancer)
{
	return choose_least(w, cost_queue, balancer);
}

static const struct tail_policy round_robin = {
	.name = "round robin", .new = own_new, .free = free, .choose = choose_round_robin
};
static const struct tail_policy smooth = {
	.name = "smooth weighted round robin", .new = own_new, .free = free, .choose = choose_smooth
};
static const struct tail_policy by_chance = { .name = "random", .choose = choose_random };
static const struct tail_policy two = { .name = "power of two choices", .choose = choose_two };
static const struct tail_policy least_open = {
	.name = "least connections, own count", .new = own_new, .free = free, .choose = choose_open, .done = done_open
};
static const struct tail_policy least_reported = { .name = "least loaded on reports",
						   .uses_reports = true,
						   .choose = choose_reported };
static const struct tail_policy omniscient = { .name = "omniscient, speeds too", .choose = choose_omniscient };
static const struct tail_policy shortest = { .name = "omniscient shortest queue", .choose = choose_queue };

const struct tail_policy *const tail_policies[] = {
	&tail_baton,  &tail_baton_greatest, &tail_baton_round_robin,
	&shortest,    &omniscient,          &two,
	&least_open,  &least_reported,      &smooth,
	&round_robin, &by_chance,           NULL,
};

const struct tail_policy *tail_policy_find(const char *name)
{
	for (unsigned i = 0; tail_policies[i]; i++)
		if (!strcmp(tail_policies[i]->name, name))
			return tail_policies[i];
	return NULL;
}
