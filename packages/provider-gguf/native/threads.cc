// Gives a context of node-llama-cpp a thread pool that lives as long as the context.
//
// The binding attaches none, and its binaries are built without OpenMP: ggml then starts and joins its threads for every graph that it computes,
// that is for every token. Built against the headers of the installed binding, because it reads one member of the binding's own class.
#include <napi.h>

#include "AddonContext.h"
#include "ggml-backend.h"
#include "ggml-cpu.h"
#include "llama.h"

#ifndef GOLEK_BINDING_VERSION
#error "GOLEK_BINDING_VERSION: the version of node-llama-cpp whose headers these are"
#endif

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

    // The context may have been freed before: then it has let go of the pool itself.
    void free() {
        if (threads == nullptr) return;
        if (!owner->memoryDisposed && owner->ctx == context) llama_detach_threadpool(context);
        cpuFunction<decltype(ggml_threadpool_free)>("ggml_threadpool_free")(threads);
        threads = nullptr;
        owner->Unref();
    }
};

// attach(context, threads, poll): a function that frees the pool; no step may be in progress then.
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
    ggml_threadpool_params params = ggml_threadpool_params_default(info[1].As<Napi::Number>().Int32Value());
    params.poll = info[2].As<Napi::Number>().Uint32Value();
    ggml_threadpool* threads = create(&params);
    if (threads == nullptr) throw Napi::Error::New(env, "the threads could not be started");
    llama_attach_threadpool(owner->ctx, threads, threads);
    owner->Ref();
    auto* pool = new Pool{owner, owner->ctx, threads};
    return Napi::Function::New(
        env, [](const Napi::CallbackInfo& call) { static_cast<Pool*>(call.Data())->free(); }, "free", pool);
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
    exports.Set("binding", Napi::String::New(env, GOLEK_BINDING_VERSION));
    exports.Set("attach", Napi::Function::New(env, attach));
    return exports;
}

}  // namespace

NODE_API_MODULE(golek_threads, init)
