/* A submission client: SESSIONS threads, each a connection with STARTTLS and AUTH SCRAM-SHA-256, send MESSAGES together,
 * MAIL, RCPT, DATA and the content one after the other as smtp-source does. With PER connections are ended, and new ones made and
 * logged in, after PER messages; 0 keeps them. Prints the seconds that it took.
 *
 *   submission_source PORT SESSIONS MESSAGES PER SIZE USER PASSWORD RECIPIENT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int port, per, size;
static const char *user, *password, *recipient;
static char *content;
static int content_length;
static atomic_long left;
static SSL_CTX *context;

struct connection {
    int fd;
    SSL *tls;
    char reply[8192];
};

static void die(const char *what) {
    fprintf(stderr, "submission_source: %s\n", what);
    exit(1);
}

static void say(struct connection *c, const char *text, int length) {
    int n = c->tls ? SSL_write(c->tls, text, length) : (int)write(c->fd, text, (size_t)length);
    if (n != length) die("the server does not take what is written");
}

/* Reads a whole reply, and dies where it does not begin with the digit. */
static char *hear(struct connection *c, char expected) {
    size_t filled = 0;
    for (;;) {
        size_t room = sizeof c->reply - filled - 1;
        int n = c->tls ? SSL_read(c->tls, c->reply + filled, (int)room) : (int)read(c->fd, c->reply + filled, room);
        if (n <= 0) die("the server closed a session");
        filled += (size_t)n;
        c->reply[filled] = 0;
        if (c->reply[filled - 1] != '\n') continue;
        char *last = c->reply;
        for (char *p = c->reply; (p = strchr(p, '\n')) && p[1];) last = ++p;
        if (strlen(last) > 3 && last[3] == '-') continue;
        if (last[0] != expected) die(c->reply);
        return last;
    }
}

static char *ask(struct connection *c, const char *line, char expected) {
    say(c, line, (int)strlen(line));
    return hear(c, expected);
}

static void mac(const unsigned char *key, int length, const char *text, unsigned char *out) {
    HMAC(EVP_sha256(), key, length, (const unsigned char *)text, strlen(text), out, NULL);
}

/* RFC 5802 section 3, without looking at what the server proves. */
static void log_in(struct connection *c) {
    unsigned char chance[18], salt[256], salted[32], client[32], stored[32], signature[32], proof[32];
    char nonce[32], bare[512], message[1280], line[2048], server[2048], exchange[4096];
    RAND_bytes(chance, sizeof chance);
    EVP_EncodeBlock((unsigned char *)nonce, chance, sizeof chance);
    snprintf(bare, sizeof bare, "n=%s,r=%s", user, nonce);
    int head = snprintf(message, sizeof message, "n,,%s", bare);
    int start = snprintf(line, sizeof line, "AUTH SCRAM-SHA-256 ");
    EVP_EncodeBlock((unsigned char *)line + start, (unsigned char *)message, head);
    strcat(line, "\r\n");
    char *answer = ask(c, line, '3') + 4;
    answer[strcspn(answer, "\r\n")] = 0;
    int n = EVP_DecodeBlock((unsigned char *)server, (unsigned char *)answer, (int)strlen(answer));
    for (char *p = answer + strlen(answer); p > answer && p[-1] == '='; p--) n--;
    server[n] = 0;
    char *s = strstr(server, ",s="), *i = strstr(server, ",i=");
    if (!s || !i) die("no challenge of SCRAM");
    char encoded[256], combined[1024];
    snprintf(encoded, sizeof encoded, "%.*s", (int)(i - s - 3), s + 3);
    snprintf(combined, sizeof combined, "%.*s", (int)(s - server - 2), server + 2);
    int salt_length = EVP_DecodeBlock(salt, (unsigned char *)encoded, (int)strlen(encoded));
    for (char *p = encoded + strlen(encoded); p > encoded && p[-1] == '='; p--) salt_length--;
    PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt, salt_length, atoi(i + 3), EVP_sha256(), 32, salted);
    mac(salted, 32, "Client Key", client);
    EVP_Digest(client, 32, stored, NULL, EVP_sha256(), NULL);
    snprintf(message, sizeof message, "c=biws,r=%s", combined);
    snprintf(exchange, sizeof exchange, "%s,%s,%s", bare, server, message);
    mac(stored, 32, exchange, signature);
    for (int k = 0; k < 32; k++) proof[k] = client[k] ^ signature[k];
    strcat(message, ",p=");
    EVP_EncodeBlock((unsigned char *)message + strlen(message), proof, 32);
    EVP_EncodeBlock((unsigned char *)line, (unsigned char *)message, (int)strlen(message));
    strcat(line, "\r\n");
    ask(c, line, '3');
    ask(c, "\r\n", '2');
}

static void begin(struct connection *c) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    c->tls = NULL;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0) die("no connection");
    int one = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    hear(c, '2');
    ask(c, "EHLO bench.test\r\n", '2');
    ask(c, "STARTTLS\r\n", '2');
    SSL *tls = SSL_new(context);
    SSL_set_fd(tls, c->fd);
    if (SSL_connect(tls) != 1) die("no TLS");
    c->tls = tls;
    ask(c, "EHLO bench.test\r\n", '2');
    log_in(c);
}

static void end(struct connection *c) {
    ask(c, "QUIT\r\n", '2');
    SSL_free(c->tls);
    close(c->fd);
}

static void *work(void *unused) {
    struct connection c;
    char mail[600], rcpt[600];
    int sent = 0;
    snprintf(mail, sizeof mail, "MAIL FROM:<%s>\r\n", user);
    snprintf(rcpt, sizeof rcpt, "RCPT TO:<%s>\r\n", recipient);
    begin(&c);
    while (atomic_fetch_sub(&left, 1) > 0) {
        if (per > 0 && sent == per) {
            end(&c);
            begin(&c);
            sent = 0;
        }
        ask(&c, mail, '2');
        ask(&c, rcpt, '2');
        ask(&c, "DATA\r\n", '3');
        say(&c, content, content_length);
        hear(&c, '2');
        sent++;
    }
    end(&c);
    return unused;
}

int main(int argc, char **argv) {
    if (argc != 9) {
        fprintf(stderr, "usage: submission_source PORT SESSIONS MESSAGES PER SIZE USER PASSWORD RECIPIENT\n");
        return 64;
    }
    port = atoi(argv[1]);
    int sessions = atoi(argv[2]);
    atomic_store(&left, atol(argv[3]));
    per = atoi(argv[4]);
    size = atoi(argv[5]);
    user = argv[6];
    password = argv[7];
    recipient = argv[8];
    content = malloc((size_t)size + 512);
    content_length = snprintf(content, 500,
                              "From: <%s>\r\nTo: <%s>\r\nSubject: submitted\r\nDate: Mon, 23 Nov 2026 12:00:00 +0000\r\n"
                              "Message-ID: <bench@bench.test>\r\n\r\n", user, recipient);
    for (int column = 0; content_length < size; content_length++, column++)
        content[content_length] = column % 80 == 78 ? '\r' : column % 80 == 79 ? '\n' : 'x';
    content_length += sprintf(content + content_length, "\r\n.\r\n");
    context = SSL_CTX_new(TLS_client_method());
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    pthread_t *threads = calloc((size_t)sessions, sizeof *threads);
    for (int i = 0; i < sessions; i++)
        if (pthread_create(&threads[i], NULL, work, NULL)) die("no thread");
    for (int i = 0; i < sessions; i++) pthread_join(threads[i], NULL);
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%.6f\n", (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) * 1e-9);
    return 0;
}
