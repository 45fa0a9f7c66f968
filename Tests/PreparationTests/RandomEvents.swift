@testable import Datasets

/// SplitMix64, so that made-up data is the same on every run.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return VirtualShards.finalize(state)
  }
}

/// A made-up event as a row of text.
struct RandomEvent: Equatable {
  var user: String
  var item: String
  var seconds: Int
  var scene: String
  var behavior: String

  /// Events with many equal times, exact repeats, rare items and rare users.
  static func make(_ count: Int, seed: UInt64) -> [RandomEvent] {
    var random = SplitMix(state: seed)
    var events: [RandomEvent] = []
    while events.count < count {
      if let last = events.randomElement(using: &random), Int.random(in: 0..<20, using: &random) == 0 {
        events.append(last)
        continue
      }
      let skew = Double.random(in: 0..<1, using: &random)
      events.append(
        RandomEvent(
          user: "user \(Int(skew * skew * 120))",
          item: "i\(Int.random(in: 0..<Int.random(in: 1...90, using: &random), using: &random))",
          seconds: 1_000 + Int.random(in: 0..<40, using: &random),
          scene: ["home", "search", "cart"].randomElement(using: &random) ?? "",
          behavior: ["view", "like"].randomElement(using: &random) ?? ""))
    }
    return events
  }

  /// The events as a CSV file.
  static func csv(_ events: [RandomEvent]) -> String {
    "user,item,timestamp,scene,behavior\n"
      + events.map { "\($0.user),\($0.item),\($0.seconds),\($0.scene),\($0.behavior)\n" }.joined()
  }
}
