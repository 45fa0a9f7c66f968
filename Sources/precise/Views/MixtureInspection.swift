import Files
import Foundation
import Reporting

/// What `inspect` says of a phase's mixture of experts, from the line that the phase's end left in `metrics.jsonl`.
struct MixtureInspection: PhaseLine {
  static let mark = "\"expert_words\""

  let phase: String
  @Bounded<CountBounds> var step: Int
  @Bounded<CountBounds> var itemsWithText: Int
  let expertLoad: [Double]
  let gateEntropy: Double
  let gateEntropyLimit: Double
  let expertWords: [[String]]

  /// A row an expert.
  var lines: [String] {
    let entropy = "\(HumanFormat.decimal(gateEntropy, 3)) of at most \(HumanFormat.decimal(gateEntropyLimit, 3)) nats"
    var table = TextTable([("\(phase), expert", .left), ("load", .right), ("words", .left)])
    for (expert, (load, words)) in zip(expertLoad, expertWords).enumerated() {
      table.append(["\(expert)", HumanFormat.decimal(load, 3), words.joined(separator: " ")])
    }
    return table.lines
      + ["gate entropy \(entropy) after step \(HumanFormat.count(step)), \(HumanFormat.count(itemsWithText, "item")) with text"]
  }

  var json: JSONValue {
    [
      "step": .int(step), "items_with_text": .int(itemsWithText), "expert_load": .array(expertLoad.map { .double($0) }),
      "gate_entropy": .double(gateEntropy), "gate_entropy_limit": .double(gateEntropyLimit),
      "expert_words": .array(expertWords.map { .array($0.map { .string($0) }) }),
    ]
  }
}
