import Glibc

/// How a rank waits: at first it only looks again, then it lets others run, and after a long time it sleeps between looks.
///
/// A core that spins is a core that another rank of an oversubscribed machine waits for.
struct Patience {
  private var looks = 0

  /// Waits a little, longer the more often it was called.
  mutating func pause() {
    looks += 1
    if looks > 500_000 {
      usleep(100)
    } else if looks > 1000 {
      sched_yield()
    }
  }
}
