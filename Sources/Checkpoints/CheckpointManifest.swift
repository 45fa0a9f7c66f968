package import Files
import Foundation
package import Model

/// What a checkpoint says about itself; written last, so a folder with a manifest is whole.
package struct CheckpointManifest: Codable, Sendable, Equatable {
  /// A file of the checkpoint.
  package struct File: Codable, Sendable, Equatable {
    /// The name inside the folder.
    package var name: String
    /// Its CRC-32, eight hexadecimal digits.
    package var crc32: String
    /// The first row of the table that it holds and the one behind its last; nil for what is not rows.
    package var rows: [Int]?
  }

  /// The loss of the steps behind the last line of `metrics.jsonl`: a run that goes on continues the mean.
  package struct OpenMean: Codable, Sendable, Equatable {
    /// How many steps.
    @Bounded<CountBounds> package var steps: Int
    /// Their losses' sum.
    package var loss: Double

    /// Notes a mean that is not finished.
    package init(steps: Int, loss: Double) {
      self.steps = steps
      self.loss = loss
    }
  }

  /// The file's name.
  package static let fileName = "manifest.json"
  /// The dense parameters' file.
  package static let dense = "dense.safetensors"
  /// The file of their optimizer's moments.
  package static let optimizer = "optimizer.safetensors"
  /// The file of the resolved configuration.
  package static let configuration = "config.yaml"
  /// The version that this program writes.
  package static let currentVersion = 4
  /// What a parameter's name is followed by in the optimizer's file.
  static let moments = ["first_moment", "second_moment"]
  /// What keys of earlier versions are called now.
  private static let renamed = ["dataset": "datasetChecksum", "dimension": "width", "isJudged": "isEvaluated"]

  /// The version it was written with.
  package var version = currentVersion
  /// The phase.
  package var phase: String
  /// Steps made in the phase: the next one's batch is the place in the data.
  @Bounded<CountBounds> package var step: Int
  /// Steps of the whole phase.
  @Bounded<CountBounds> package var steps: Int
  /// Epochs that the steps made so far are.
  package var epoch: Double
  /// Updates that the dense optimizer has made, t of its bias correction.
  @Bounded<CountBounds> package var updates: Int
  /// Whether the evaluation that is due after this step, if any, has been made.
  package var isEvaluated: Bool
  /// The loss of the steps that no line of the log has yet.
  package var unlogged: OpenMean?
  /// The data set's checksum.
  package var datasetChecksum: String
  /// The number of items, V.
  @Bounded<ItemBounds> package var items: Int
  /// What the data set's numbers stand for; filled in when the checkpoint is written.
  package internal(set) var vocabulary = CheckpointVocabulary()
  /// The validation metric that checkpoints are chosen by; nil before the first evaluation.
  package var selectedBy: String?
  /// Its value.
  package var score: Double?
  /// The rule by which epochs go through their users (`EpochOrder.rule`); nil = by that of versions before rules had numbers.
  package var order: Int?
  /// How the phase's scores are blended with the text of items; nil = not at all, or not fitted yet.
  package var blend: Blend?
  /// The rule by which negatives are drawn (`NegativeSampler.rule`); nil = by that of versions before it had a number.
  package var negatives: Int?
  /// The files.
  package var files: [File] = []
  /// The CRC-32 of everything else in the file, as eight hexadecimal digits; empty in memory.
  private var seal = ""

  /// Describes a checkpoint that is about to be written.
  package init(
    phase: String, step: Int, steps: Int, epoch: Double, updates: Int, isEvaluated: Bool, unlogged: OpenMean? = nil,
    dataset: String, items: Int, selectedBy: String? = nil, score: Double? = nil, order: Int? = nil, negatives: Int? = nil
  ) {
    self.phase = phase
    self.step = step
    self.steps = steps
    self.epoch = epoch
    self.updates = updates
    self.isEvaluated = isEvaluated
    self.unlogged = unlogged
    datasetChecksum = dataset
    self.items = items
    self.selectedBy = selectedBy
    self.score = score
    self.order = order
    self.negatives = negatives
  }

  /// Whether the phase has nothing left to do.
  package var isFinished: Bool { step >= steps && isEvaluated }

  /// Reads a checkpoint's manifest.
  ///
  /// Throws `InputError` when there is none, or one that this program cannot have written.
  init(folder: String) throws {
    let file = "\(folder)/\(Self.fileName)"
    guard access(file, F_OK) == 0 else { throw InputError("\(folder) is not a checkpoint: it has no \(Self.fileName)") }
    let data = try SmallFile.read(file)
    struct Version: Decodable { var version: Int }
    guard let version = try? RecordCoding.decode(Version.self, from: data).version else {
      throw InputError("\(file) cannot be read; use another checkpoint")
    }
    guard version == Self.currentVersion else {
      throw InputError("\(file) has version \(version), this program reads \(Self.currentVersion)")
    }
    guard let manifest = try? Self.decoded(data), manifest.isPlausible else {
      throw InputError("\(file) cannot be read; use another checkpoint")
    }
    self = manifest
    seal = ""
    // A step that reads as another one would be trained twice or never.
    guard manifest.seal == Self.seal(of: data, stating: manifest.seal) else {
      throw InputError("\(file) is damaged (its entries do not have the checksum that it states); use another checkpoint")
    }
  }

  /// Numbers that a run can have, and files that lie in the folder: a name from a file is no path.
  private var isPlausible: Bool {
    let names = files.map(\.name)
    return blend?.isPlausible != false && (0...1e15).contains(epoch) && Set(names).count == names.count
      && files.allSatisfy { ($0.rows ?? []).allSatisfy(ItemBounds.range.contains) }
      && names.allSatisfy { name in
        !name.hasPrefix(".") && name.utf8.allSatisfy { $0 != 0 && $0 != UInt8(ascii: "/") } && !name.isEmpty
      }
  }

  /// Writes the manifest into the folder of files that it lists.
  func write(to folder: String) throws {
    let data = try sealed()
    var file = try AtomicFile(path: "\(folder)/\(Self.fileName)")
    try data.withUnsafeBytes { try file.write($0) }
    try file.commit()
  }

  /// The file's bytes, with the checksum of its entries.
  func sealed() throws -> Data {
    var manifest = self
    manifest.seal = ""
    manifest.seal = Self.checksum(try RecordCoding.encode(manifest))
    return try RecordCoding.encode(manifest)
  }

  /// A manifest's entries, sealed or not.
  static func decoded(_ data: Data) throws -> CheckpointManifest {
    try RecordCoding.decode(Self.self, from: data, renamed: renamed)
  }

  /// The seal that a file should have: the CRC-32 of its own bytes, as they were before the seal was put in.
  ///
  /// Of the bytes, not of what they were read into: earlier versions spell keys otherwise. Nil when the file has no such seal.
  private static func seal(of data: Data, stating seal: String) -> String? {
    let key = Data("\"seal\" : \"".utf8)
    guard !seal.isEmpty, let found = data.range(of: key + Data((seal + "\"").utf8)) else { return nil }
    return checksum(data[..<(found.lowerBound + key.count)] + data[(found.upperBound - 1)...])
  }

  private static func checksum(_ data: Data) -> String { hex(data.withUnsafeBytes { CRC32.of($0) }) }

  static func hex(_ value: UInt32) -> String { String(format: "%08x", value) }
}
