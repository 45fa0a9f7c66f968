import Testing

@testable import Training

/// When a phase is evaluated, and when it ends early; the counts are checked against walking through every step.
struct EvaluationScheduleTests {
  @Test(arguments: [0, 1, 3], [1, 4, 7, 20]) func countsAreThoseOfEveryStep(everyEpochs: Int, stepsPerEpoch: Int) {
    let schedule = EvaluationSchedule(everyEpochs: everyEpochs, stepsPerEpoch: stepsPerEpoch, steps: 17)
    for first in 0...17 {
      for last in 0...17 {
        let walked = first < last ? (first + 1...last).count { schedule.isDue(after: $0) } : 0
        #expect(schedule.count(after: first, upTo: last) == walked, "\(first) to \(last)")
      }
    }
    #expect(schedule.isDue(after: 17))
  }

  @Test func patienceEndsAPhase() {
    var schedule = EvaluationSchedule(everyEpochs: 1, stepsPerEpoch: 5, steps: 100)
    #expect(!schedule.isOver(after: 95, best: 5))
    schedule.patience = 3
    #expect([5, 10, 15, 20, 25].map { schedule.isOver(after: $0, best: 5) } == [false, false, false, true, true])
    // What the phase began with counts, too; without any value nothing is waited for.
    #expect(schedule.isOver(after: 15, best: 0) && !schedule.isOver(after: 14, best: 0) && !schedule.isOver(after: 50, best: nil))
  }
}
