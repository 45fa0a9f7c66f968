import Checkpoints
import Collectives
import Config
import Datasets
import Files
import Model
import Reporting
import Runs
import Serving
import TestSupport
import Texts
import Training

/// A small data set and a tiny run of two phases, trained once for all tests and never written to again.
final class ServedWorld: Sendable {
  static let users = 40
  static let items = 30

  let folder: TemporaryFolder
  var run: String { folder.file("run") }

  /// The world whose token states are hashed and stay frozen.
  static func hashed() throws -> ServedWorld { try hashedWorld.get() }
  /// The world whose token states come from elsewhere.
  static func foreign() throws -> ServedWorld { try foreignWorld.get() }

  /// The world that has one vector an item.
  static func vectors() throws -> ServedWorld { try vectorWorld.get() }

  /// The hashed world whose model reads the request's time.
  static func timed() throws -> ServedWorld { try timedWorld.get() }

  private static let vectorWorld = Result {
    try ServedWorld(HashedEncoder(dimension: 6, maxTokens: 1), name: "some-api", kind: .vectors)
  }
  private static let timedWorld = Result {
    try ServedWorld(HashedEncoder(dimension: 8, maxTokens: 4), name: "hashed", time: .request)
  }
  private static let hashedWorld = Result { try ServedWorld(HashedEncoder(dimension: 8, maxTokens: 4), name: "hashed") }
  private static let foreignWorld = Result { try ServedWorld(HashedEncoder(dimension: 6, maxTokens: 4), name: "made-up-model") }

  /// The text of an item; item 7 has none.
  static func text(_ item: Int) -> String {
    let words = ["red", "blue", "loud", "calm", "old", "new", "big", "small", "round"]
    return item == 7 ? "" : "\(words[item % 9]) \(words[item * 4 % 9 / 2]) thing \(item)"
  }

  func served(_ phase: String? = nil) throws -> ServedModel {
    try ServedModel(try TrainedRun(path: run), phase: phase)
  }

  /// The hashed world, whose scores are blended with text.
  static func blended() throws -> ServedWorld { try blendedWorld.get() }
  /// The world whose token states come from elsewhere, and whose scores are blended with text.
  static func blendedForeign() throws -> ServedWorld { try blendedForeignWorld.get() }

  private static let blendedWorld = Result {
    try ServedWorld(HashedEncoder(dimension: 8, maxTokens: 4), name: "hashed", isBlended: true)
  }
  private static let blendedForeignWorld = Result {
    try ServedWorld(HashedEncoder(dimension: 6, maxTokens: 4), name: "made-up-model", isBlended: true)
  }

  private init(
    _ encoder: HashedEncoder, name: String, kind: EncodingRecord.Kind? = nil, time: ModelConfig.Time = .none,
    isBlended: Bool = false
  ) throws {
    folder = try TemporaryFolder()
    let dataset = try Self.dataset(folder.file("dataset"))
    let items = DatasetItems(dataset)
    let record = try TokenStatesWriter(
      folder: dataset.path, itemTableChecksum: items.checksum, tokens: encoder.maxTokens, type: .f16
    )
    .write(NamedSource(name: name, kind: kind, source: HashedSource(items: items, encoder: encoder)), items: items)
    if isBlended {
      try TextVectors.write(
        folder: dataset.path, items: items, itemTableChecksum: items.checksum, record: record,
        states: TokenStates(dataset: dataset))
    }
    let directory = RunDirectory(path: run)
    try directory.create()
    var config = Self.config
    config.model.time = time
    try directory.write(
      config: ConfigWriter.text(config), record: .init(dataset: dataset.path, checksum: dataset.manifest.checksum))
    let inputs = Trainer.Inputs(dataset: dataset, states: try ModelFactory.tokenStates(config, dataset), directory: directory)
    _ = try Trainer(config, inputs, communicator: SoloCommunicator(), console: .init(verbosity: .quiet)).run()
    if isBlended { try speakUp() }
  }

  /// Gives the text of every phase more to say than these few users bear out, each cell something else.
  private func speakUp() throws {
    let trained = try TrainedRun(path: run)
    for plan in try trained.trainedPhases {
      let checkpoint = try trained.checkpoint(plan)
      guard var blend = checkpoint.manifest.blend else { throw InputError("\(plan.name) was not blended") }
      for cell in blend.cells.indices {
        blend.cells[cell] = .init(strength: 0.5 + Double(cell % 4), decay: cell % 2 == 0 ? 0 : 0.6)
      }
      blend.unseenScale = 1.5
      blend.repeatWeight = -2
      _ = try checkpoint.blended(blend)
    }
  }

  private static func dataset(_ path: String) throws -> Dataset {
    var builder = DatasetBuilder()
    for user in 0..<users {
      for event in 0..<12 {
        let draw = Int(RandomValues.bits(seed: 5, user * 12 + event) >> 33)
        // The last item has one event, held out of training: it is cold.
        let item = user == 0 && event == 11 ? items - 1 : draw % (items - 1)
        builder.addEvent(
          user: "u\(user)", item: "i\(item)", seconds: 1_000 * event + user, scene: item % 3 == 0 ? "feed" : "shop",
          behavior: draw % 2 == 0 || event > 8 ? "like" : "view")
      }
    }
    for item in 0..<items { builder.addItem("i\(item)", text: text(item)) }
    return try builder.write(to: path)
  }

  private static var config: RunConfig {
    var config = RunConfig()
    config.model.idDim = 4
    config.model.semanticDim = 8
    config.model.experts = 3
    config.model.layers = 1
    config.model.length = 6
    config.batch.users = 16
    config.universal.epochs = 2
    config.universal.negatives = .all
    config.universal.tokenFreeze = 1
    var like = TargetedConfig()
    like.name = "like"
    like.behavior = "like"
    like.epochs = 1
    like.negatives = .all
    like.freeze = [.tokens]
    config.targeted = [like]
    return config
  }
}

/// A source of states under another encoder's name.
struct NamedSource<Source: TokenSource>: TokenSource {
  let name: String
  var kind: EncodingRecord.Kind?
  let source: Source

  var dimension: Int { source.dimension }
  func tokenCount(_ item: Int) -> Int { source.tokenCount(item) }
  func appendStates(_ item: Int, to states: inout [Float]) { source.appendStates(item, to: &states) }
}
