import Collectives
import Datasets
import Files
import Model
import Preparation
import Synchronization
import Tensors
import TestSupport
import Texts

@testable import Evaluation

/// A data set of items with texts and their text vectors, and models of it on any number of ranks.
///
/// A user stays with items of one kind, which their texts name and random models know nothing of.
struct BlendWorld: Sendable {
  static let kinds = 12

  let dataset: Dataset
  let vectors: TextVectors
  let users: Int
  private let folder: TemporaryFolder

  /// Users of 4 to 8 events, and further ones who share out all items; with `hasUnseen` what the latter have last is in no training
  /// event, else every item is in one.
  init(items: Int, users: Int = 60, sharers: Int = 8, shards: Int = 4, hasUnseen: Bool) throws {
    folder = try TemporaryFolder()
    self.users = users + sharers
    var builder = DatasetBuilder()
    builder.options.virtualShards = shards
    let known = hasUnseen ? items - 2 * sharers : items
    for user in 0..<users {
      for event in 0..<(4 + user % 5) {
        let draw = Int(RandomValues.bits(seed: UInt64(user), event) % UInt64(known / Self.kinds))
        builder.addEvent(user: "u\(user)", item: "i\(draw * Self.kinds + user % Self.kinds)", seconds: event)
      }
    }
    for item in 0..<items {
      builder.addEvent(user: "all\(item % sharers)", item: "i\(item)", seconds: item)
      builder.addItem("i\(item)", text: Self.text(item))
    }
    if !hasUnseen {
      for sharer in 0..<sharers {
        for event in 0..<2 { builder.addEvent(user: "all\(sharer)", item: "i\(event)", seconds: items + event) }
      }
    }
    dataset = try builder.write(to: folder.file("d"))
    vectors = try Self.encode(dataset)
  }

  /// The text of an item: its kind's word and its own; item 5 has none, and 6 and 18 have the same.
  static func text(_ item: Int) -> String { item == 5 ? "" : "\(word(item % kinds)) \(word(kinds + (item == 18 ? 6 : item)))" }

  /// Words without pieces in common.
  private static func word(_ number: Int) -> String {
    let bits = RandomValues.bits(seed: 77, number)
    return String((0..<8).map { Character(Unicode.Scalar(UInt8(97 + bits >> (7 * $0) % 26))) })
  }

  private static func encode(_ dataset: Dataset) throws -> TextVectors {
    let items = DatasetItems(dataset)
    let record = try TokenStatesWriter(folder: dataset.path, itemTableChecksum: items.checksum, tokens: 3, type: .f16)
      .write(HashedSource(items: items, encoder: HashedEncoder(dimension: 4, maxTokens: 3)), items: items)
    try TextVectors.write(
      folder: dataset.path, items: items, itemTableChecksum: items.checksum, record: record, states: TokenStates(dataset: dataset)
    )
    guard let vectors = try TextVectors(dataset: dataset) else { throw InputError("no text vectors") }
    return vectors
  }

  /// A rank's share of a model that nobody has trained; every number is a function of its place in the whole table.
  func model(_ communicator: any Communicator, idWidth: Int = 6) -> PreciseModel {
    let readsText = idWidth < 12
    let fusion = FusionShape(
      idWidth: idWidth, semanticWidth: 12 - idWidth, tokenWidth: readsText ? 9 : 0, tokens: readsText ? 3 : 0,
      experts: readsText ? 4 : 1, active: readsText ? 2 : 1, gateInput: .mean)
    let plan = ItemTable.Plan(
      shape: fusion, items: dataset.items.count, tokenCount: { readsText ? $0 % 4 : 0 }, rule: .adaGrad(epsilon: 1e-10), seed: 4)
    let model = PreciseModel(
      ModelShape(fusion: fusion, layers: 1, heads: 2, length: 4, userHead: nil), table: plan, communicator: communicator)
    for index in 0..<model.items.ids.count { model.items.ids.base[index] *= 40 }
    for row in 0..<(readsText ? model.items.ids.rows : 0) {
      let states = model.items.tokens.states(of: row)
      let values = RandomValues.floats(states.count, seed: UInt64(model.items.item(ofLocalRow: row)), scale: 2)
      states.store(values)
    }
    return model
  }

  /// A task that evaluates every user, unless `evaluated` says otherwise.
  func task(evaluated: EventFilter = .all, filterSeen: Bool = false) -> EvaluationTask {
    EvaluationTask(split: .validation, evaluated: evaluated, history: History(filter: .all, length: 4), filterSeen: filterSeen)
  }

  func catalogue(
    _ text: TextBlend?, _ communicator: any Communicator = SoloCommunicator(), bytes: Int = Catalogue.defaultBytes
  ) throws -> Catalogue {
    try Catalogue(
      model(communicator), trainCounts: dataset.items.trainCounts, text: text, communicator: communicator,
      workspace: Workspace(chunkBytes: 1 << 20), bytes: bytes)
  }

  /// Items that no training event shows.
  var unseen: [Int] { (0..<dataset.items.count).filter { dataset.items.trainCounts[$0] == 0 } }

  /// A blend of two cells, told apart by likeness, with codes.
  var blend: TextBlend {
    var blend = Blend(likenessEdges: [0.12], cells: [.init(strength: 1.5, decay: 0), .init(strength: 4, decay: 0.6)])
    blend.unseenScale = 1.75
    blend.repeatWeight = -1.25
    return TextBlend(vectors, blend)
  }

  /// What every rank gets from `body`, in rank order.
  func onRanks<Result: Sendable>(
    _ ranks: Int, _ body: @escaping @Sendable (any Communicator) throws -> Result
  ) throws -> [Result] {
    let found = Mutex([Result?](repeating: nil, count: ranks))
    try RankThreads.run(ranks: ranks) { communicator in
      let result = try body(communicator)
      found.withLock { $0[communicator.rank] = result }
    }
    return found.withLock { $0.compactMap { $0 } }
  }

  func shards(of communicator: any Communicator) -> Range<Int> {
    Shares.range(of: communicator.rank, ranks: communicator.size, count: dataset.shardCount)
  }

  /// An item's code times a weight.
  static func code(_ item: Int, _ weight: Float = 1) -> [Float] {
    (0..<ItemCode.width).map { $0 == ItemCode.column(item) ? weight : 0 }
  }

  /// The vector of an item's text.
  func text(of item: Int) -> [Float] {
    var vector = [Float](repeating: .nan, count: vectors.width)
    vectors.copy(item, into: &vector)
    return vector
  }
}
