// W2 and W3 in bare C on OpenBLAS: no gradient tape, no binding, nothing allocated in a step. What a perfect engine
// over that BLAS reaches. The protocol is described in peer.js; build it with
//   cc -O3 -march=native -ffast-math lean_mlp.c -o lean_mlp -lopenblas -lm
#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { kMaxLayers = 3, kClasses = 10, kSamples = 4096, kFeatures = 784 };

void openblas_set_num_threads(int count);

typedef struct {  // one layer: y[batch, out] = x[batch, in] W[in, out] + b[out]
  int in, out;
  float *weight, *bias, *weightGradient, *biasGradient;
  float *weightMean, *biasMean, *weightSquare, *biasSquare;  // momentum, or Adam's two means
  float *y, *dy;
} Layer;

typedef struct {
  int layerCount, batch, adam;
  Layer layers[kMaxLayers];
  long step;
  float firstLoss, loss;
} Network;

static float* samples;
static int labels[kSamples];

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

static float* zeros(size_t count) {
  size_t bytes = (count * sizeof(float) + 63) / 64 * 64;
  float* p = aligned_alloc(64, bytes);
  if (p == NULL) exit(1);
  memset(p, 0, bytes);
  return p;
}

static float uniform(void) { return (rand() + 1.0f) / ((float)RAND_MAX + 2.0f); }

static float normal(void) { return sqrtf(-2 * logf(uniform())) * cosf(6.2831853f * uniform()); }

static void makeSamples(void) {
  float* patterns = zeros(kClasses * kFeatures);
  samples = zeros((size_t)kSamples * kFeatures);
  for (int i = 0; i < kClasses * kFeatures; ++i) patterns[i] = normal();
  for (int i = 0; i < kSamples; ++i) {
    labels[i] = rand() % kClasses;
    for (int k = 0; k < kFeatures; ++k) {
      samples[(size_t)i * kFeatures + k] = 0.5f * patterns[labels[i] * kFeatures + k] + 2 * normal();
    }
  }
  free(patterns);
}

static void makeNetwork(Network* net, const int* sizes, int layerCount, int batch, int adam) {
  *net = (Network){.layerCount = layerCount, .batch = batch, .adam = adam};
  for (int l = 0; l < layerCount; ++l) {
    Layer* a = &net->layers[l];
    a->in = sizes[l];
    a->out = sizes[l + 1];
    size_t count = (size_t)a->in * a->out;
    a->weight = zeros(count), a->weightGradient = zeros(count);
    a->weightMean = zeros(count), a->weightSquare = zeros(count);
    a->bias = zeros(a->out), a->biasGradient = zeros(a->out), a->biasMean = zeros(a->out),
    a->biasSquare = zeros(a->out);
    a->y = zeros((size_t)batch * a->out), a->dy = zeros((size_t)batch * a->out);
    for (size_t i = 0; i < count; ++i) a->weight[i] = (2 * uniform() - 1) / sqrtf(a->in);
  }
}

static void forward(const Layer* a, const float* x, int batch, int relu) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, batch, a->out, a->in, 1, x, a->in, a->weight, a->out, 0, a->y,
              a->out);
  for (int i = 0; i < batch; ++i) {
    for (int j = 0; j < a->out; ++j) {
      float z = a->y[i * a->out + j] + a->bias[j];
      a->y[i * a->out + j] = relu && z < 0 ? 0 : z;
    }
  }
}

// Mean cross entropy of the logits y [batch, kClasses] and its gradient dy.
static float crossEntropy(const float* y, float* dy, const int* label, int batch) {
  float loss = 0;
  for (int i = 0; i < batch; ++i, y += kClasses, dy += kClasses) {
    float top = y[0], sum = 0;
    for (int j = 1; j < kClasses; ++j) top = y[j] > top ? y[j] : top;
    for (int j = 0; j < kClasses; ++j) sum += dy[j] = expf(y[j] - top);
    loss += logf(sum) + top - y[label[i]];
    for (int j = 0; j < kClasses; ++j) dy[j] = (dy[j] / sum - (j == label[i])) / batch;
  }
  return loss / batch;
}

// `dx` is null for the first layer; otherwise it is masked by x, the ReLU output that it belongs to.
static void backward(const Layer* a, const float* x, float* dx, int batch) {
  cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, a->in, a->out, batch, 1, x, a->in, a->dy, a->out, 0,
              a->weightGradient, a->out);
  memset(a->biasGradient, 0, a->out * sizeof(float));
  for (int i = 0; i < batch; ++i) {
    for (int j = 0; j < a->out; ++j) a->biasGradient[j] += a->dy[i * a->out + j];
  }
  if (dx == NULL) return;
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, batch, a->in, a->out, 1, a->dy, a->out, a->weight, a->out, 0, dx,
              a->in);
  for (int i = 0; i < batch * a->in; ++i) dx[i] = x[i] > 0 ? dx[i] : 0;
}

static void momentumStep(float* restrict p, const float* restrict g, float* restrict mean, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    mean[i] = 0.9f * mean[i] + g[i];
    p[i] -= 0.01f * mean[i];
  }
}

static void adamStep(float* restrict p, const float* restrict g, float* restrict mean, float* restrict square,
                     size_t count, long step) {
  float c1 = 1e-3f / (1 - powf(0.9f, step)), c2 = 1 / (1 - powf(0.999f, step));
  for (size_t i = 0; i < count; ++i) {
    mean[i] = 0.9f * mean[i] + 0.1f * g[i];
    square[i] = 0.999f * square[i] + 0.001f * g[i] * g[i];
    p[i] -= c1 * mean[i] / (sqrtf(square[i] * c2) + 1e-8f);
  }
}

static void trainStep(Network* net) {
  int batch = net->batch, last = net->layerCount - 1;
  size_t start = (size_t)(net->step++ % (kSamples / batch)) * batch;
  const float* x = samples + start * kFeatures;
  for (int l = 0; l <= last; ++l) forward(&net->layers[l], l ? net->layers[l - 1].y : x, batch, l < last);
  net->loss = crossEntropy(net->layers[last].y, net->layers[last].dy, labels + start, batch);
  if (net->step == 1) net->firstLoss = net->loss;
  for (int l = last; l >= 0; --l) {
    Layer* below = l ? &net->layers[l - 1] : NULL;
    backward(&net->layers[l], below ? below->y : x, below ? below->dy : NULL, batch);
  }
  for (int l = 0; l <= last; ++l) {
    Layer* a = &net->layers[l];
    size_t count = (size_t)a->in * a->out;
    if (net->adam) {
      adamStep(a->weight, a->weightGradient, a->weightMean, a->weightSquare, count, net->step);
      adamStep(a->bias, a->biasGradient, a->biasMean, a->biasSquare, a->out, net->step);
    } else {
      momentumStep(a->weight, a->weightGradient, a->weightMean, count);
      momentumStep(a->bias, a->biasGradient, a->biasMean, a->out);
    }
  }
}

static double measure(Network* net, double duration) {
  double start = seconds(), elapsed;
  long steps = 0;
  do {
    trainStep(net);
    ++steps;
    elapsed = seconds() - start;
  } while (elapsed < duration);
  return steps / elapsed;
}

static double field(const char* line, const char* name, double otherwise) {
  const char* at = strstr(line, name);
  at = at ? strchr(at, ':') : NULL;
  return at ? atof(at + 1) : otherwise;
}

int main(void) {
  static Network networks[2];
  const int w2[] = {784, 128, 10}, w3[] = {784, 512, 512, 10};
  char line[1024];
  setvbuf(stdout, NULL, _IOLBF, 0);
  puts("{\"engine\":\"lean C on OpenBLAS\"}");
  makeSamples();
  while (fgets(line, sizeof line, stdin)) {
    int wide = strstr(line, "\"W3\"") != NULL;
    if (!wide && strstr(line, "\"W2\"") == NULL) {
      puts("{\"unavailable\":\"not written in lean C\"}");
      continue;
    }
    Network* net = &networks[wide];
    openblas_set_num_threads((int)field(line, "\"threads\"", 1));
    if (net->layerCount == 0) {
      makeNetwork(net, wide ? w3 : w2, wide ? 3 : 2, wide ? 128 : 64, wide);
      measure(net, 0.4);
    }
    double rate = measure(net, field(line, "\"seconds\"", 0.5));
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"stepsPerSecond\":%.2f,\"rssMegabytes\":%.1f,\"lossFirst\":%.6f,\"lossLast\":%.8f}\n", rate,
           usage.ru_maxrss / 1024.0, net->firstLoss, net->loss);
  }
  return 0;
}
