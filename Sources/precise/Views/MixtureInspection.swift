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

/// A line of `metrics.jsonl` of one kind, as `inspect` reads it.
protocol PhaseLine: Decodable {
  /// What every line of the kind has in it, so that others need not be read.
  static var mark: String { get }
  /// The phase that it speaks of.
  var phase: String { get }
}

extension PhaseLine {
  /// The last line of the kind of each phase, read from the end; a line cut short by a stop is passed over.
  static func last(in path: String, of names: [String]) throws -> [String: Self] {
    guard FileManager.default.fileExists(atPath: path) else { return [:] }
    let file = try MappedFile(path: path)
    return withExtendedLifetime(file) {
      var found: [String: Self] = [:]
      var end = file.bytes.count
      while end > 0 && found.count < names.count {
        let start = file.bytes[..<end].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let data = Data(file.bytes[start..<end])
        if data.range(of: Data(mark.utf8)) != nil, let line = try? RecordCoding.decode(Self.self, from: data),
          names.contains(line.phase), found[line.phase] == nil
        {
          found[line.phase] = line
        }
        end = start - 1
      }
      return found
    }
  }
}
