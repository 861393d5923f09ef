// Gloo, which carries the collectives of `distributed`: Debian's source, repaired. CMakeLists.txt compiles it.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { takeLock } from '../lock.mjs';
import { root, SetupError, step } from '../steps.mjs';
import { debianSource, repair } from './debian.mjs';

const folder = join(root, 'build', 'gloo');
const source = {
  name: 'gloo',
  version: '0.0~git20250912.d97133a-2',
  sha256: '43d930375720059ac67b1619c7d020d5d2cee79757caf4e75a1bfedb8eeb2b42',
  variable: 'ADJOINT_GLOO_SOURCE',
  folder,
};

const tcp = 'gloo/transport/tcp';

/** What is wrong in this version, each with its reason. */
const repairs = [
  {
    why: 'An exception on the event thread ends the process (std::terminate): data that fit no pending operation, as after mismatched collectives, must end the pair alone.',
    file: `${tcp}/pair.cc`,
    from: '  if (state_ == CONNECTED) {\n    handleReadWrite(events);\n    return;\n  }\n',
    to: '  if (state_ == CONNECTED) {\n    try {\n      handleReadWrite(events);\n    } catch (const std::exception& e) {\n      if (ex_ == nullptr) signalException(e.what());\n    }\n    return;\n  }\n',
  },
  {
    why: 'The same for all other events: accept() without a free descriptor, say, which then comes again.',
    file: `${tcp}/loop.cc`,
    from: '      h->handleEvents(*this, events[i].events);\n',
    to: '      try {\n        h->handleEvents(*this, events[i].events);\n      } catch (const std::exception&) {\n        std::this_thread::sleep_for(std::chrono::milliseconds(10));\n      }\n',
  },
  {
    why: 'The thread ends when nothing has happened for 10 ms, which is never while strangers call, or cannot be accepted.',
    file: `${tcp}/loop.cc`,
    from: '    if (done_ && nfds <= 0) {\n',
    to: '    if (done_ && (nfds <= 0 || ++rounds > 50)) {\n',
  },
  {
    file: `${tcp}/loop.cc`,
    from: '  int nfds;\n\n  while (true) {\n',
    to: '  int nfds, rounds = 0;\n\n  while (true) {\n',
  },
  {
    why: 'The overload with a flag is not virtual, so that a TLS context makes pairs without TLS and says nothing.',
    file: `${tcp}/context.cc`,
    from: 'const auto& pair = createPair(i, useRankAsSeqNum);',
    to: 'const auto& pair = useRankAsSeqNum ? createPair(i, true) : createPair(i);',
  },
  {
    why: 'TLS waits for a full socket in a loop, under the lock that reading needs: two peers that send at once never end.',
    file: `${tcp}/tls/pair.cc`,
    from: '          // just repeat the same write\n          continue;\n',
    to: '          if (sync_) continue;\n          return false;\n',
  },
  {
    why: 'A message that waits for the socket moves into a queue together with its head, whose address OpenSSL would insist on.',
    file: `${tcp}/tls/context.cc`,
    from: '  _glootls::SSL_CTX_set_verify_depth(ssl_ctx, 1);\n',
    to: '  _glootls::SSL_CTX_set_verify_depth(ssl_ctx, 1);\n  _glootls::SSL_CTX_ctrl(\n      ssl_ctx, SSL_CTRL_MODE, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER, nullptr);\n',
  },
  {
    why: 'Who waits for a message that is half sent or half read when the peer dies learns it at the timeout alone.',
    file: `${tcp}/pair.cc`,
    from: '    if (op.buf != nullptr) {\n      op.buf->signalException(ex);\n    }\n  }\n\n  // Loop through pending send operations.\n',
    to: '    if (op.buf != nullptr) {\n      op.buf->signalException(ex);\n    }\n    NonOwningPtr<UnboundBuffer> sent(op.ubuf);\n    if (sent) sent->signalException(ex);\n  }\n  {\n    NonOwningPtr<UnboundBuffer> half(rx_.ubuf);\n    if (half) half->signalException(ex);\n  }\n\n  // Loop through pending send operations.\n',
  },
  {
    why: 'The event thread spins while a pair is locked: on busy cores for the whole slice of the thread that holds the lock.',
    file: `${tcp}/pair.cc`,
    from: '  std::unique_lock<std::mutex> lock(m_, std::try_to_lock);\n  if (!lock) {\n    return;\n',
    to: '  std::unique_lock<std::mutex> lock(m_, std::try_to_lock);\n  if (!lock) {\n    std::this_thread::yield();\n    return;\n',
  },
  { file: `${tcp}/pair.cc`, from: '#include <sstream>\n', to: '#include <sstream>\n#include <thread>\n' },
  {
    why: 'Which peer was lost first: the others close their connections in consequence.',
    file: `${tcp}/pair.cc`,
    from: '  if (nextState == CLOSED) {\n    switch (state_) {\n',
    to: '  if (nextState == CLOSED) {\n    static std::atomic<int64_t> closed{0};\n    if (closedOrder == 0) closedOrder = ++closed;\n    switch (state_) {\n',
  },
  {
    file: `${tcp}/pair.h`,
    from: '  bool isConnected() override;\n',
    to: '  bool isConnected() override;\n\n  std::atomic<int64_t> closedOrder{0};\n',
  },
  {
    why: 'Sequence numbers from 0 on say which peer has called: anybody can guess them and take a place.',
    file: `${tcp}/listener.cc`,
    from: '  useRankAsSeqNumber_ = useRankAsSeqNumber();\n',
    to: '  useRankAsSeqNumber_ = useRankAsSeqNumber();\n  GLOO_ENFORCE_EQ(getrandom(&seq_, sizeof seq_, 0), sizeof seq_);\n  seq_ &= INT64_MAX >> 1;\n  firstSeq_ = seq_;\n',
  },
  { file: `${tcp}/listener.cc`, from: '#include <string.h>\n', to: '#include <string.h>\n#include <sys/random.h>\n' },
  {
    why: 'A caller with a number that was given to nobody is kept for ever, with its descriptor.',
    file: `${tcp}/listener.cc`,
    from: "  // If we don't yet have a callback for this sequence number, persist socket.\n",
    to: "  if (!useRankAsSeqNumber_ && (seq < firstSeq_ || seq >= seq_)) return;\n\n  // If we don't yet have a callback for this sequence number, persist socket.\n",
  },
  {
    file: `${tcp}/listener.h`,
    from: '  sequence_number_t seq_{0};\n',
    to: '  sequence_number_t seq_{0};\n  sequence_number_t firstSeq_{0};\n',
  },
  {
    why: 'The loop keeps what has been read or written once, and with it the connection: that of a stranger for ever.',
    file: `${tcp}/helpers.h`,
    from: '  void handleEvents(Loop&, int /*events*/) override {\n',
    to: '  void handleEvents(Loop& loop, int /*events*/) override {\n    auto self = this->shared_from_this();\n    loop.unregisterDescriptor(socket_->fd(), this);\n',
    times: 2,
  },
  {
    why: 'Strangers that call and say nothing could take all descriptors: of more than 256, who has waited for longest is cut off.',
    file: `${tcp}/listener.cc`,
    from: '    sock->reuseAddr(true);\n',
    to: '    silent_.remove_if([](const auto& one) { return one.expired(); });\n    if (silent_.size() >= 256) {\n      if (auto oldest = silent_.front().lock()) ::shutdown(oldest->fd(), SHUT_RDWR);\n      silent_.pop_front();\n    }\n    silent_.push_back(sock);\n    sock->reuseAddr(true);\n',
  },
  {
    file: `${tcp}/listener.cc`,
    from: '  std::unique_lock<std::mutex> lock(mutex_);\n\n  if (!useRankAsSeqNumber_',
    to: '  std::unique_lock<std::mutex> lock(mutex_);\n  silent_.remove_if([&](const auto& one) { return one.lock() == socket; });\n\n  if (!useRankAsSeqNumber_',
  },
  {
    file: `${tcp}/listener.h`,
    from: '  // Callbacks by sequence number (while waiting for a connection).\n',
    to: '  std::list<std::weak_ptr<Socket>> silent_;\n\n  // Callbacks by sequence number (while waiting for a connection).\n',
  },
  {
    why: 'Processes that this one has started inherit its connections, and hold them open when it is killed.',
    file: `${tcp}/socket.cc`,
    from: 'SOCK_STREAM | SOCK_NONBLOCK,',
    to: 'SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,',
  },
  {
    file: `${tcp}/socket.cc`,
    from: '::accept(fd_, (struct sockaddr*)&addr, &addrlen)',
    to: '::accept4(fd_, (struct sockaddr*)&addr, &addrlen, SOCK_CLOEXEC)',
  },
  { file: `${tcp}/loop.cc`, from: 'epoll_create(1)', to: 'epoll_create1(EPOLL_CLOEXEC)' },
  { file: `${tcp}/loop.cc`, from: 'pipe2(fds.data(), O_NONBLOCK)', to: 'pipe2(fds.data(), O_NONBLOCK | O_CLOEXEC)' },
  {
    file: `${tcp}/device.cc`,
    from: 'rp->ai_socktype, rp->ai_protocol)',
    to: 'rp->ai_socktype | SOCK_CLOEXEC, rp->ai_protocol)',
  },
  {
    why: 'A message that is shorter than the receiver expects counts as received, and the rest of its memory as data.',
    file: `${tcp}/pair.cc`,
    from: '    GLOO_ENFORCE_LE(\n        op.preamble.length,\n        op.nbytes,\n',
    to: '    GLOO_ENFORCE_EQ(\n        op.preamble.length,\n        op.nbytes,\n',
  },
  {
    why: 'Each connection writes a line to the standard error; what went wrong is an exception as well.',
    file: 'gloo/common/logging.h',
    from: '#define GLOO_INFO(...) GLOO_LOG_MSG("INFO", __VA_ARGS__)\n',
    to: '#define GLOO_INFO(...)\n',
  },
  { why: 'musl has no __caddr_t.', file: 'gloo/common/linux.cc', from: '(__caddr_t)', to: '(char*)', times: 2 },
];

/** The folder of the repaired source. Made once. */
export function glooSource() {
  const name = createHash('sha256')
    .update(JSON.stringify([source.sha256, repairs]))
    .digest('hex')
    .slice(0, 8);
  const result = join(folder, name);
  mkdirSync(folder, { recursive: true });
  const release = takeLock(`${result}.lock`);
  try {
    if (!existsSync(result)) {
      const archive = debianSource(source);
      const tree = `${result}.part`;
      rmSync(tree, { recursive: true, force: true });
      mkdirSync(tree);
      step('unpacking Gloo', 'tar', ['-xf', archive, '-C', tree, '--strip-components=1']);
      for (const one of repairs) repair(tree, one);
      renameSync(tree, result);
    }
  } finally {
    release();
  }
  return result;
}

/** What cmake-js is told: where Gloo is, or nothing, with a line that says why, where it cannot be had. */
export function glooOptions() {
  if (process.platform !== 'linux') return [];
  try {
    return [`--CDADJOINT_GLOO_DIR=${glooSource()}`];
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.log(`setup: without \`distributed\`: ${error.message}`);
    return [];
  }
}
