import Files
import Reporting

/// What `inspect` says of a phase's mixture of experts, from the line that the phase's end left in `metrics.jsonl`.
struct MixtureView {
  let record: MixtureRecord

  /// A row an expert.
  var lines: [String] {
    let entropy =
      "\(HumanFormat.decimal(record.gateEntropy, 3)) of at most \(HumanFormat.decimal(record.gateEntropyLimit, 3)) nats"
    var table = TextTable([("\(record.phase), expert", .left), ("load", .right), ("words", .left)])
    for (expert, (load, words)) in zip(record.expertLoad, record.expertWords).enumerated() {
      table.append(["\(expert)", HumanFormat.decimal(load, 3), words.joined(separator: " ")])
    }
    return table.lines
      + [
        "gate entropy \(entropy) after step \(HumanFormat.count(record.step)), \(HumanFormat.count(record.itemsWithText, "item")) with text"
      ]
  }

  var json: JSONValue {
    [
      "step": .int(record.step), "items_with_text": .int(record.itemsWithText),
      "expert_load": .array(record.expertLoad.map { .double($0) }),
      "gate_entropy": .double(record.gateEntropy), "gate_entropy_limit": .double(record.gateEntropyLimit),
      "expert_words": .array(record.expertWords.map { .array($0.map { .string($0) }) }),
    ]
  }
}
