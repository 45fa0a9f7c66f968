import Datasets
import Evaluation
import Files
import Kernels
import Tensors

/// Scores pairs of user and item from a file, block by block in constant memory.
///
/// The score is the raw product of the user's and the item's embedding, the one that evaluation ranks by. A user's history is
/// every event of the data set.
public struct PairScorer {
  /// What was written.
  public struct Summary: Sendable, Equatable {
    /// Pairs read and written.
    public var pairs = 0
    /// Pairs without a score, because user or item is not in the data set.
    public var unknownPairs = 0
    /// The first unknown id, for a message: `user X`, `item Y`.
    public var firstUnknown: String?
  }

  /// Pairs held at a time.
  static let blockPairs = 8192

  private let served: ServedModel
  private let isStrict: Bool

  /// Scores by a model; a strict scorer refuses unknown ids, another leaves their score empty.
  public init(_ served: ServedModel, isStrict: Bool = false) {
    self.served = served
    self.isStrict = isStrict
  }

  /// Reads `user,item` rows and writes `user,item,score` rows in the same order; `-` is standard input or output, `.gz` is
  /// compressed.
  ///
  /// - Parameter progress: called with the number of pairs written since the last call.
  /// - Throws: `InputError` for damaged rows, for unknown ids when strict, and when the disk refuses; nothing is written then.
  public func score(pairs path: String, to output: String, progress: (Int) -> Void = { _ in }) throws -> Summary {
    let pairs = try IdentifierPairs(path: path)
    var sink = try TextSink(path: output)
    try sink.write("user,item,score\n")
    var summary = Summary()
    var block: [Pair] = []
    while true {
      let pair = try pairs.next()
      if let pair { block.append(try find(pair, pairs, &summary)) }
      if pair == nil || block.count == Self.blockPairs {
        try write(block, to: &sink)
        progress(block.count)
        block.removeAll(keepingCapacity: true)
      }
      if pair == nil { break }
    }
    try sink.commit()
    return summary
  }

  /// A pair with its places in the data set; nil = not in it.
  private struct Pair {
    let user: String
    let item: String
    let place: (shard: Int, user: Int)?
    let row: Int?
  }

  private func find(_ pair: (user: String, item: String), _ source: IdentifierPairs, _ summary: inout Summary) throws -> Pair {
    let found = Pair(
      user: pair.user, item: pair.item, place: try served.dataset.find(user: pair.user),
      row: served.dataset.items.index(of: pair.item))
    summary.pairs += 1
    guard found.place == nil || found.row == nil else { return found }
    let unknown = found.place == nil ? "user \(pair.user)" : "item \(pair.item)"
    guard !isStrict else {
      throw InputError("\(source.path):\(source.lineNumber): \(unknown) is not in the data set; nothing was written (--strict)")
    }
    summary.unknownPairs += 1
    summary.firstUnknown = summary.firstUnknown ?? unknown
    return found
  }

  private func write(_ pairs: [Pair], to sink: inout TextSink) throws {
    let scores = try scores(of: pairs)
    for (pair, score) in zip(pairs, scores) {
      try sink.write("\(Self.field(pair.user)),\(Self.field(pair.item)),\(score.map { "\($0)" } ?? "")\n")
    }
  }

  /// The scores of a block's pairs; each user is embedded once a block, wherever its pairs stand.
  private func scores(of pairs: [Pair]) throws -> [Float?] {
    var scores = [Float?](repeating: nil, count: pairs.count)
    var places: [String: Int] = [:]
    var users: [(shard: Int, user: Int)] = []
    var members: [[Int]] = []
    for (index, pair) in pairs.enumerated() {
      guard let place = pair.place, pair.row != nil else { continue }
      let slot = places[pair.user] ?? users.count
      if slot == users.count {
        places[pair.user] = slot
        users.append(place)
        members.append([])
      }
      members[slot].append(index)
    }
    for start in stride(from: 0, to: users.count, by: 256) {
      let slots = start..<min(start + 256, users.count)
      try score(Array(users[slots]), members[slots], pairs, into: &scores)
    }
    return scores
  }

  private func score(
    _ users: [(shard: Int, user: Int)], _ members: ArraySlice<[Int]>, _ pairs: [Pair], into scores: inout [Float?]
  ) throws {
    let events = try users.map { try served.dataset.shard($0.shard).events($0.user) }
    served.workspace.scope {
      let embeddings = served.workspace.matrix(users.count, served.width)
      served.embed(events, into: embeddings)
      for (slot, indices) in members.enumerated() {
        served.workspace.scope {
          let rows = served.workspace.take(Int32.self, indices.count)
          for (place, index) in indices.enumerated() { rows[place] = Int32(pairs[index].row ?? 0) }
          let items = served.workspace.matrix(indices.count, served.width)
          gather(RowList(start: rows, count: indices.count), from: served.catalogue.embeddings, into: items)
          let products = served.workspace.matrix(1, indices.count)
          multiply(embeddings.rows(slot..<slot + 1), items, rightTransposed: true, into: products)
          for (place, index) in indices.enumerated() { scores[index] = products[0, place] }
        }
      }
    }
  }

  /// A CSV field, quoted when it must be (RFC 4180).
  static func field(_ text: String) -> String {
    guard text.utf8.contains(where: { [0x22, 0x2C, 0x0A, 0x0D].contains($0) }) else { return text }
    return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
  }
}
