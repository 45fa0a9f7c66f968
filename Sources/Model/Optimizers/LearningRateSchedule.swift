import Foundation

/// Linear warm-up, then cosine down to a floor.
///
/// Steps count from 0.
///
///     s < warm-up:  peak · (s + 1) / warm-up
///     else:         peak · (floor + (1 − floor) · ½ (1 + cos(π (s − warm-up) / (steps − warm-up))))
///
/// Goyal and others 2017 and Loshchilov & Hutter 2017; the first step already learns (ours: a rate of 0 wastes it).
package struct LearningRateSchedule: Sendable, Equatable {
  /// The largest rate.
  package let peak: Double
  /// The steps of the phase.
  package let steps: Int
  /// The steps in which the rate rises.
  package let warmup: Int
  /// The share of the peak at which the cosine ends.
  package let floor: Double

  /// Makes a schedule; `warmupShare` is the share of the steps in which the rate rises.
  package init(peak: Double, steps: Int, warmupShare: Double, floor: Double = 0) {
    self.peak = peak
    self.steps = steps
    self.floor = floor
    warmup = Int((Double(steps) * warmupShare).rounded())
  }

  /// The factor on the peak at a step; past the end it stays at the floor.
  package func factor(at step: Int) -> Double {
    if step < warmup { return Double(step + 1) / Double(warmup) }
    let share = min(Double(step - warmup) / Double(max(steps - warmup, 1)), 1)
    return floor + (1 - floor) * 0.5 * (1 + cos(.pi * share))
  }

  /// The learning rate at a step.
  package func rate(at step: Int) -> Double { peak * factor(at: step) }
}
