/* A paced SMTP source: SESSIONS connections send messages at a fixed total RATE for SECONDS, whether or not the server
 * keeps up (an open loop: a late reply does not delay the schedule of the others, so queueing shows in the latencies).
 * Prints the latencies from the end of the content to its reply in milliseconds: count p50 p90 p99 p999 max.
 *
 *   paced_source PORT SESSIONS RATE SECONDS SIZE SENDER RECIPIENT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum step { GREETING, EHLO, IDLE, MAIL, RCPT, DATA, CONTENT };

struct session {
    int fd;
    enum step step;
    double due, sent;
    char reply[4096];
    size_t filled;
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void say(struct session *session, const char *text, size_t length) {
    while (length > 0) {
        ssize_t n = write(session->fd, text, length);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (n < 0) die("write");
        text += n;
        length -= (size_t)n;
    }
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
    if (argc != 8) {
        fprintf(stderr, "usage: paced_source PORT SESSIONS RATE SECONDS SIZE SENDER RECIPIENT\n");
        return 64;
    }
    int port = atoi(argv[1]), sessions = atoi(argv[2]), size = atoi(argv[5]);
    double rate = atof(argv[3]), seconds = atof(argv[4]);
    char mail[600], rcpt[600];
    int mail_length = snprintf(mail, sizeof mail, "MAIL FROM:<%s>\r\n", argv[6]);
    int rcpt_length = snprintf(rcpt, sizeof rcpt, "RCPT TO:<%s>\r\n", argv[7]);
    char *content = malloc((size_t)size + 256);
    int length = snprintf(content, 256, "From: <%s>\r\nTo: <%s>\r\nSubject: paced\r\n\r\n", argv[6], argv[7]);
    while (length < size) {
        content[length] = (length % 80 == 78) ? '\r' : (length % 80 == 79) ? '\n' : 'x';
        length++;
    }
    length += sprintf(content + length, "\r\n.\r\n");

    long total = (long)(rate * seconds), scheduled = 0, done = 0;
    double *latencies = calloc((size_t)total, sizeof *latencies);
    struct session *all = calloc((size_t)sessions, sizeof *all);
    int poll = epoll_create1(0);
    for (int i = 0; i < sessions; i++) {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
        all[i].fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(all[i].fd, (struct sockaddr *)&to, sizeof to) < 0) die("connect");
        int one = 1;
        setsockopt(all[i].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        epoll_ctl(poll, EPOLL_CTL_ADD, all[i].fd, &event);
    }
    double start = 0;
    int ready = 0;
    while (done < total) {
        struct epoll_event events[64];
        int n = epoll_wait(poll, events, 64, ready == sessions ? 0 : 1000);
        for (int e = 0; e < n; e++) {
            struct session *session = events[e].data.ptr;
            ssize_t got = read(session->fd, session->reply + session->filled, sizeof session->reply - session->filled - 1);
            if (got <= 0) die("the server closed a session");
            session->filled += (size_t)got;
            session->reply[session->filled] = 0;
            char *last = session->reply;
            for (char *p = session->reply; (p = strchr(p, '\n')) && p[1]; ) last = ++p;
            if (session->reply[session->filled - 1] != '\n' || last[3] == '-') continue;
            session->filled = 0;
            if (last[0] != '2' && last[0] != '3') {
                fprintf(stderr, "refused: %s", last);
                return 1;
            }
            switch (session->step) {
            case GREETING: say(session, "EHLO paced.test\r\n", 17); session->step = EHLO; break;
            case EHLO: session->step = IDLE; ready++; break;
            case MAIL: say(session, rcpt, (size_t)rcpt_length); session->step = RCPT; break;
            case RCPT: say(session, "DATA\r\n", 6); session->step = DATA; break;
            case DATA:
                say(session, content, (size_t)length);
                session->sent = now();
                session->step = CONTENT;
                break;
            case CONTENT: latencies[done++] = now() - session->sent; session->step = IDLE; break;
            case IDLE: break;
            }
        }
        if (ready < sessions) continue;
        double time = now();
        if (start == 0) start = time;
        for (int i = 0; i < sessions && scheduled < total && start + (double)scheduled / rate <= time; i++) {
            if (all[i].step != IDLE) continue;
            all[i].step = MAIL;
            say(&all[i], mail, (size_t)mail_length);
            scheduled++;
        }
    }
    double elapsed = now() - start;
    qsort(latencies, (size_t)done, sizeof *latencies, ascending);
#define AT(q) (latencies[(long)((double)(done - 1) * (q))] * 1e3)
    printf("%ld %.0f %.3f %.3f %.3f %.3f %.3f\n", done, (double)done / elapsed, AT(0.5), AT(0.9), AT(0.99), AT(0.999), AT(1.0));
    return 0;
}
