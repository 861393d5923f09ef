// OpenSSL as Gloo calls it. The functions are looked up in the process at their first use (native/distributed/openssl.cc):
// Node.js holds an OpenSSL and exports it, so that neither a library nor its headers are needed. The types and numbers
// below are part of OpenSSL's binary interface since 1.1.
#pragma once
#include <cstddef>
#include <cstdint>

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_method_st SSL_METHOD;
typedef struct ossl_init_settings_st OPENSSL_INIT_SETTINGS;
typedef int (*SSL_verify_cb)(int, struct x509_store_ctx_st*);

#define OPENSSL_INIT_LOAD_CRYPTO_STRINGS 0x00000002L
#define OPENSSL_INIT_LOAD_SSL_STRINGS 0x00200000L
#define SSL_CTRL_MODE 33
#define SSL_CTRL_SET_MIN_PROTO_VERSION 123
#define SSL_ERROR_NONE 0
#define SSL_ERROR_WANT_READ 2
#define SSL_ERROR_WANT_WRITE 3
#define SSL_ERROR_SYSCALL 5
#define SSL_ERROR_ZERO_RETURN 6
#define SSL_FILETYPE_PEM 1
#define SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER 0x00000002U
#define SSL_OP_LEGACY_SERVER_CONNECT 0x00000004U
#define SSL_VERIFY_PEER 0x01
#define SSL_VERIFY_FAIL_IF_NO_PEER_CERT 0x02
#define SSL_VERIFY_CLIENT_ONCE 0x04
#define TLS_MAX_VERSION 0x0304  // 1.3
#define SSL_CTX_set_min_proto_version(context, version) \
  SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, version, nullptr)

namespace _glootls {

void ERR_print_errors_cb(int (*callback)(const char*, size_t, void*), void* data);
int OPENSSL_init_ssl(uint64_t options, const OPENSSL_INIT_SETTINGS* settings);
const SSL_METHOD* TLS_method();
SSL_CTX* SSL_CTX_new(const SSL_METHOD* method);
void SSL_CTX_free(SSL_CTX* context);
long SSL_CTX_ctrl(SSL_CTX* context, int command, long number, void* pointer);
unsigned long SSL_CTX_clear_options(SSL_CTX* context, unsigned long options);
void SSL_CTX_set_verify_depth(SSL_CTX* context, int depth);
void SSL_CTX_set_security_level(SSL_CTX* context, int level);
int SSL_CTX_load_verify_locations(SSL_CTX* context, const char* file, const char* folder);
int SSL_CTX_use_certificate_chain_file(SSL_CTX* context, const char* file);
int SSL_CTX_use_PrivateKey_file(SSL_CTX* context, const char* file, int type);
int SSL_CTX_check_private_key(const SSL_CTX* context);
void SSL_CTX_set_verify(SSL_CTX* context, int mode, SSL_verify_cb callback);
int SSL_do_handshake(SSL* ssl);
int SSL_get_error(const SSL* ssl, int result);
int SSL_write(SSL* ssl, const void* data, int bytes);
int SSL_read(SSL* ssl, void* data, int bytes);
SSL* SSL_new(SSL_CTX* context);
int SSL_set_fd(SSL* ssl, int descriptor);
void SSL_set_connect_state(SSL* ssl);
void SSL_set_accept_state(SSL* ssl);
int SSL_shutdown(SSL* ssl);
void SSL_free(SSL* ssl);

}  // namespace _glootls
