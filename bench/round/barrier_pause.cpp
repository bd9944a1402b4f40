// Loaded into the compared programs (LD_PRELOAD), which have a barrier before and one after each
// round: they pause before a round as long as the training programs do, PAUSE_SECONDS.
#include <cstdlib>

#include <dlfcn.h>
#include <pthread.h>
#include <time.h>

extern "C" int pthread_barrier_wait(pthread_barrier_t* barrier) noexcept {
    using Wait = int (*)(pthread_barrier_t*);
    static const auto wait = reinterpret_cast<Wait>(::dlsym(RTLD_NEXT, "pthread_barrier_wait"));
    static const char* const text = std::getenv("PAUSE_SECONDS");
    static const double seconds = text != nullptr ? std::atof(text) : 0.0;
    static unsigned calls = 0;
    if (calls++ % 2 == 0) {
        timespec pause{};
        pause.tv_sec = static_cast<time_t>(seconds);
        pause.tv_nsec = static_cast<long>((seconds - static_cast<double>(pause.tv_sec)) * 1e9);
        ::nanosleep(&pause, nullptr);
    }
    return wait(barrier);
}
