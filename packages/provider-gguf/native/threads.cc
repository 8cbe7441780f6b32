// Gives a context of node-llama-cpp a thread pool that lives as long as the context, a way to interrupt an evaluation, evaluation without a change
// of threads, and greedy choice.
//
// The binding attaches no pool, and its binaries are built without OpenMP: ggml then starts and joins its threads for every graph that it computes,
// that is for every token. Nor does it set the callback by which llama.cpp asks, before each node of a graph, whether to go on. And the most likely token it finds
// on another thread, by a list of all tokens. Built against the headers of the installed binding, because it reads members of the binding's own class.
#include <napi.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>
#include <mutex>
#include <vector>

#include "AddonContext.h"
#include "ggml-backend.h"
#include "ggml-cpu.h"
#include "llama.h"

#ifndef GOLEK_BINDING_VERSION
#error "GOLEK_BINDING_VERSION: the version of node-llama-cpp whose headers these are"
#endif

// Of what this addon exports; native-threads.ts knows the same number.
#define GOLEK_REVISION 5

namespace {

// The functions of the CPU variant that llama.cpp chose at run time; they cannot be linked.
template <typename F>
F* cpuFunction(const char* name) {
    ggml_backend_dev_t device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    if (device == nullptr) return nullptr;
    return reinterpret_cast<F*>(ggml_backend_reg_get_proc_address(ggml_backend_dev_backend_reg(device), name));
}

struct Pool {
    AddonContext* owner;
    llama_context* context;
    ggml_threadpool* threads;
    uint32_t poll;
    std::atomic<bool> interrupted{false};
    // Those before, which the back end may still touch.
    std::vector<ggml_threadpool*> retired;

    // The context may have been freed before: then it has let go of the pool itself.
    void free() {
        if (threads == nullptr) return;
        if (!owner->memoryDisposed && owner->ctx == context) {
            llama_set_abort_callback(context, nullptr, nullptr);
            llama_detach_threadpool(context);
        }
        freeRetired();
        cpuFunction<decltype(ggml_threadpool_free)>("ggml_threadpool_free")(threads);
        threads = nullptr;
        owner->Unref();
    }

    void freeRetired() {
        auto* release = cpuFunction<decltype(ggml_threadpool_free)>("ggml_threadpool_free");
        for (ggml_threadpool* pool : retired) release(pool);
        retired.clear();
    }
};

ggml_threadpool* startThreads(int32_t count, uint32_t poll) {
    ggml_threadpool_params params = ggml_threadpool_params_default(count);
    params.poll = poll;
    return cpuFunction<decltype(ggml_threadpool_new)>("ggml_threadpool_new")(&params);
}

bool isInterrupted(void* pool) { return static_cast<Pool*>(pool)->interrupted.load(std::memory_order_relaxed); }

// resize(threads, evaluated): so many threads instead of those that there are; `evaluated`: these have evaluated something to its end. A pool could evaluate with fewer than it has, but each graph would wake the others, which look for work for a while
// and take the cores that they were to leave. No evaluation may be in progress.
void resize(const Napi::CallbackInfo& info) {
    auto* pool = static_cast<Pool*>(info.Data());
    if (pool->threads == nullptr) return;
    ggml_threadpool* threads = startThreads(info[0].As<Napi::Number>().Int32Value(), pool->poll);
    if (threads == nullptr) throw Napi::Error::New(info.Env(), "the threads could not be started");
    llama_attach_threadpool(pool->context, threads, threads);
    // The CPU back end keeps the pool of its last evaluation, and suspends it when the next one brings another: only then it may end.
    if (info[1].ToBoolean()) pool->freeRetired();
    pool->retired.push_back(pool->threads);
    pool->threads = threads;
}

// The first of the greatest values, as llama.cpp's greedy sampler takes it; -1 where there is none.
int32_t argmax(const float* values, int32_t length) {
    constexpr int32_t lanes = 32;
    float best[lanes];
    std::fill(best, best + lanes, -std::numeric_limits<float>::infinity());
    int32_t at = 0;
    // The compiler makes vector instructions of the inner loop.
    for (; at + lanes <= length; at += lanes)
        for (int32_t lane = 0; lane < lanes; lane++) best[lane] = values[at + lane] > best[lane] ? values[at + lane] : best[lane];
    for (; at < length; at++) best[0] = values[at] > best[0] ? values[at] : best[0];
    const float greatest = *std::max_element(best, best + lanes);
    const float* found = std::find(values, values + length, greatest);
    return found == values + length ? -1 : static_cast<int32_t>(found - values);
}

// greedy(row, tokens, biases): the most likely token of a row of the last batch, when these biases are added to the logits of these tokens; -1 where there is none.
Napi::Value greedy(const Napi::CallbackInfo& info) {
    auto* pool = static_cast<Pool*>(info.Data());
    auto tokens = info[1].As<Napi::Uint32Array>();
    auto biases = info[2].As<Napi::Float32Array>();
    const int32_t none = -1;
    if (pool->threads == nullptr) return Napi::Number::New(info.Env(), none);
    std::lock_guard<std::mutex> lock(pool->owner->sharedSamplerData.mutex);
    float* logits = llama_get_logits_ith(pool->context, info[0].As<Napi::Number>().Int32Value());
    if (logits == nullptr) return Napi::Number::New(info.Env(), none);
    const int32_t length = llama_vocab_n_tokens(llama_model_get_vocab(llama_get_model(pool->context)));
    // The logits belong to others, too: what is changed is put back, the last change first.
    std::vector<float> before(tokens.ElementLength());
    for (size_t i = 0; i < before.size(); i++) {
        if (tokens[i] >= static_cast<uint32_t>(length)) continue;
        before[i] = logits[tokens[i]];
        logits[tokens[i]] += biases[i];
    }
    const int32_t token = argmax(logits, length);
    for (size_t i = before.size(); i-- > 0;)
        if (tokens[i] < static_cast<uint32_t>(length)) logits[tokens[i]] = before[i];
    return Napi::Number::New(info.Env(), token);
}

// evaluate(): llama_decode of the batch on the caller's thread; its result. The binding does it on another thread, and waking that one and being woken costs a small model as much as
// all else that is done for a token.
Napi::Value evaluate(const Napi::CallbackInfo& info) {
    auto* pool = static_cast<Pool*>(info.Data());
    AddonContext* owner = pool->owner;
    if (pool->threads == nullptr || !owner->has_batch) throw Napi::Error::New(info.Env(), "there is no batch");
    owner->sharedSamplerData.gotLogit = false;
    owner->sharedSamplerData.hasLogits = false;
    try {
        const int result = llama_decode(pool->context, owner->batch);
        if (result == 0) llama_synchronize(pool->context);
        return Napi::Number::New(info.Env(), result);
    } catch (const std::exception& error) {
        throw Napi::Error::New(info.Env(), error.what());
    }
}

// attach(context, threads, poll): { interrupt(on), evaluate(), greedy(row, tokens, biases), resize(threads, evaluated), free() }. While `on`, an evaluation ends before its next node, and llama_decode has taken nothing of the
// part of the batch in progress. free: no evaluation may be in progress.
Napi::Value attach(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    void* unwrapped = nullptr;
    if (info.Length() < 3 || !info[0].IsObject() || napi_unwrap(env, info[0], &unwrapped) != napi_ok)
        throw Napi::TypeError::New(env, "the first argument is not a context of the binding");
    auto* owner = static_cast<AddonContext*>(unwrapped);
    if (owner->disposed || !owner->contextLoaded || owner->ctx == nullptr)
        throw Napi::Error::New(env, "the context is not loaded");
    auto* create = cpuFunction<decltype(ggml_threadpool_new)>("ggml_threadpool_new");
    auto* release = cpuFunction<decltype(ggml_threadpool_free)>("ggml_threadpool_free");
    if (create == nullptr || release == nullptr) throw Napi::Error::New(env, "this build of ggml has no thread pools");
    const uint32_t poll = info[2].As<Napi::Number>().Uint32Value();
    ggml_threadpool* threads = startThreads(info[1].As<Napi::Number>().Int32Value(), poll);
    if (threads == nullptr) throw Napi::Error::New(env, "the threads could not be started");
    llama_attach_threadpool(owner->ctx, threads, threads);
    owner->Ref();
    auto* pool = new Pool{owner, owner->ctx, threads, poll};
    llama_set_abort_callback(owner->ctx, isInterrupted, pool);
    Napi::Object calls = Napi::Object::New(env);
    calls.Set("interrupt", Napi::Function::New(
        env,
        [](const Napi::CallbackInfo& call) {
            static_cast<Pool*>(call.Data())->interrupted.store(call[0].ToBoolean(), std::memory_order_relaxed);
        },
        "interrupt", pool));
    calls.Set("evaluate", Napi::Function::New(env, evaluate, "evaluate", pool));
    calls.Set("greedy", Napi::Function::New(env, greedy, "greedy", pool));
    calls.Set("resize", Napi::Function::New(env, resize, "resize", pool));
    calls.Set("free", Napi::Function::New(
        env, [](const Napi::CallbackInfo& call) { static_cast<Pool*>(call.Data())->free(); }, "free", pool));
    return calls;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
    exports.Set("binding", Napi::String::New(env, GOLEK_BINDING_VERSION));
    exports.Set("revision", Napi::Number::New(env, GOLEK_REVISION));
    exports.Set("attach", Napi::Function::New(env, attach));
    return exports;
}

}  // namespace

NODE_API_MODULE(golek_threads, init)
