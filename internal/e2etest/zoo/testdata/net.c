/* Listening, serving and dialling, as all modes do it. */
#include "zoo.h"
#include <arpa/inet.h>
#include <netinet/in.h>

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static struct sockaddr_in local(int at)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(at)};

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

/* ZOO_MPTCP in the environment has it speak MPTCP. */
int listen_on(int at)
{
	int protocol = getenv("ZOO_MPTCP") ? IPPROTO_MPTCP : 0;
	int s = checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, protocol), "socket"), on = 1;
	struct sockaddr_in a = local(at);
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	checked(setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), "SO_REUSEPORT");
	checked(bind(s, (void *)&a, sizeof(a)), "bind");
	checked(listen(s, 1024), "listen");
	checked(getsockopt(s, SOL_SOCKET, SO_COOKIE, &cookie, &size), "SO_COOKIE");
	if (at == port)
		say("listens %llx\n", (unsigned long long)cookie);
	return s;
}

int dial(int to)
{
	int s = checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	struct sockaddr_in a = local(to);

	checked(connect(s, (void *)&a, sizeof(a)), "connect");
	return s;
}

/* A client that says nothing is not waited for; -1 where there is none. */
int accept_client(int listener)
{
	struct timeval patience = {2, 0};
	int c = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (c >= 0)
		setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return c;
}

/*
 * Answers the one byte of a request, and says what it was: 'x' for a plain one, 'k' where
 * the connection is to be kept, '!' where this was the last one that is served.
 */
int answer(int client)
{
	char word = 0;

	if (recv(client, &word, 1, 0) == 1)
		send(client, &letter, 1, MSG_NOSIGNAL);
	return word;
}

static int serve_one(int listener)
{
	int c = accept_client(listener), word;

	if (c < 0)
		return 0;
	word = answer(c);
	if (word != 'k')
		close(c);
	return word;
}

void serve(int listener)
{
	for (;;)
		serve_one(listener);
}

void serve_until_told(int listener)
{
	while (serve_one(listener) != '!')
		;
}

/* Serves first if it is to, and says that its state begins. */
void set_serving(int listener)
{
	if (served)
		serve_until_told(listener);
	say("set\n");
}
