import Collectives
import Testing

@testable import Training

/// Slow ranks are named from the ranks' own times: once, and again when it changes.
@Suite struct RankPaceTests {
  private func pace(_ computing: [Double], step: Double = 100) -> RankPace {
    RankPace(computing: computing, waiting: computing.map { step - $0 })
  }

  @Test func slowIsWhatTakesAQuarterLongerThanTheMedian() {
    #expect(pace([50, 50, 50, 62.5]).slow() == [] && pace([50, 50, 50, 62.6]).slow() == [3])
    // Of two ranks the faster one is the measure.
    #expect(pace([50, 90]).slow() == [1] && pace([90, 50]).slow() == [0])
    #expect(pace([90, 50, 51, 80]).slow() == [0, 3])
    // One that is faster than all makes none of the others slow.
    #expect(pace([50, 50, 50, 10]).slow() == [])
    #expect(pace([50]).slow() == [] && pace([]).slow() == [])
    // A step that is over in a moment says nothing.
    #expect(pace([0.5, 0.5, 1.4]).slow() == [] && pace([0.5, 0.5, 1.6]).slow() == [2])
  }

  @Test func aSlowRankIsNamedWithWhatItCosts() {
    let even = pace([50, 52, 90, 51], step: 100)
    #expect(
      even.sentence(even.slow(), host: "node7")
        == "rank 2 on node7 takes 1.8 times as long as the median rank: 90.0 ms of computing in a step against 51.0, which costs "
        + "the others 39 % of a step")
    // Waiting for messages is no cost of a rank's.
    let apart = RankPace(computing: [50, 80], waiting: [150, 120])
    #expect(
      apart.sentence(apart.slow(), host: "node7")
        == "rank 1 on node7 takes 1.6 times as long as the other rank: 80.0 ms of computing in a step against 50.0, which costs "
        + "the others 15 % of a step")
    let two = pace([50, 80, 90, 51, 50], step: 100)
    #expect(
      two.sentence(two.slow(), host: "node7")
        == "ranks 1, 2 take up to 1.8 times as long as the median rank, rank 2 on node7 the longest: 90.0 ms of computing in a step "
        + "against 51.0, which costs the others 39 % of a step")
    #expect(two.slowest(of: [1, 2]) == 2 && pace([9, 9]).slowest(of: [0, 1]) == 0)
  }

  @Test func isSaidOnceAndAgainWhenItChanges() {
    var watch = PaceWatch(everySteps: 10)
    let (even, second, both) = (pace([50, 50, 50]), pace([50, 90, 50]), pace([50, 50, 90, 90, 50]))
    // A moment of other work is no news.
    #expect([even, second, even, even].map { watch.news($0) } == [nil, nil, nil, nil])
    #expect([second, second, second, second].map { watch.news($0) } == [nil, .slow([1]), nil, nil])
    // Somewhat better is not well.
    #expect([pace([50, 60, 50]), pace([50, 60, 50])].map { watch.news($0) } == [nil, nil])
    #expect(
      [both, both, even, both, even, even, even].map { watch.news($0) } == [nil, .slow([2, 3]), nil, nil, nil, .even, nil])
  }

  /// Times go in by hand: rank 2 computes for twice as long.
  @Test(arguments: [(1, 20), (20, 20), (7, 21), (50, 50)]) func ranksTellEachOtherOnceAWindow(_ everySteps: Int, _ window: Int)
    throws
  {
    try RankThreads.run(ranks: 3) { communicator in
      var watch = PaceWatch(everySteps: everySteps)
      var news: [PaceWatch.News?] = []
      for step in 1...(2 * window) {
        let computing = communicator.rank == 2 ? 0.08 : 0.04
        let pace = try watch.add(seconds: 0.1, waiting: 0.1 - computing, communicator)
        #expect((pace != nil) == (step % window == 0))
        guard let pace else { continue }
        for (rank, expected) in [40.0, 40, 80].enumerated() {
          #expect(abs(pace.computing[rank] - expected) < 1e-9 && abs(pace.waiting[rank] - (100 - expected)) < 1e-9)
        }
        news.append(watch.news(pace))
      }
      #expect(news == [nil, .slow([2])])
      let sentence = try RankPace(computing: [40, 40, 80], waiting: [60, 60, 20]).sentence([2], communicator)
      #expect(sentence.contains("takes 2.0 times as long as the median rank"))
      #expect(sentence.hasSuffix("which costs the others 40 % of a step"))
    }
    try RankThreads.run(ranks: 1) { communicator in
      var watch = PaceWatch(everySteps: everySteps)
      for _ in 0..<100 {
        let pace = try watch.add(seconds: 1, waiting: 0, communicator)
        #expect(pace == nil)
      }
    }
  }
}
