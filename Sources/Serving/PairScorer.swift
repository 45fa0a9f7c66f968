import Collectives
import Datasets
import Evaluation
import Files
import Preparation
import Tensors

/// Scores pairs of user and item from a file, block by block in constant memory.
///
/// The score is the raw product of the user's and the item's embedding, the one that evaluation ranks by. A user's history is
/// every event of the data set.
///
/// Rank 0 reads and writes. Blocks of fixed pairs are assigned to all ranks in turn and written in order, so the scores are the
/// same, digit for digit, whatever the number of ranks.
package struct PairScorer {
  /// What was written.
  package struct Summary: Sendable, Equatable {
    /// Pairs read and written.
    package var pairs = 0
    /// Pairs without a score, because user or item is not in the data set.
    package var unknownPairs = 0
    /// The first unknown id, for a message: `user X`, `item Y`.
    package var firstUnknown: String?
  }

  /// Pairs that a rank takes at a time.
  static let blockPairs = 8192
  private static let blockUsers = 256

  private let served: ServedModel
  private let isStrict: Bool

  /// Scores by a model; a strict scorer refuses unknown ids, another leaves their score empty.
  package init(_ served: ServedModel, isStrict: Bool = false) {
    self.served = served
    self.isStrict = isStrict
  }

  /// Reads `user,item` rows and writes `user,item,score` rows in the same order; `-` is standard input or output, `.gz` is
  /// compressed.
  ///
  /// Collective; the files are rank 0's.
  ///
  /// - Parameter progress: called on rank 0 with the number of pairs written since the last call.
  /// - Returns: what was written, on rank 0; nothing on the others.
  /// - Throws: `InputError` for damaged rows, for unknown ids when strict, and when the disk refuses; nothing is written then.
  package func score(pairs path: String, to output: String, progress: (Int) -> Void = { _ in }) throws -> Summary {
    guard served.communicator.isFirst else {
      while let requests = try receive([]) { _ = try served.communicator.gatherToFirst(scores(of: requests)) }
      return Summary()
    }
    let pairs = try IdentifierPairs(path: path)
    var sink = try TextSink(path: output)
    try sink.write("user,item,score\n")
    var summary = Summary()
    while true {
      var round: [Pair] = []
      while round.count < Self.blockPairs * served.communicator.size, let pair = try pairs.next() {
        round.append(try find(pair, pairs, &summary))
      }
      guard let own = try receive(round) else { break }
      try write(round, try served.communicator.gatherToFirst(scores(of: own)), to: &sink)
      progress(round.count)
    }
    try sink.commit()
    return summary
  }

  /// A known pair by numbers, as it travels.
  private struct Request {
    let shard: Int32
    let user: Int32
    let item: Int32
  }

  /// Deals a round's pairs out, block after block; gives this rank's known ones, or nil after the last round.
  private func receive(_ round: [Pair]) throws -> [Request]? {
    guard try served.communicator.gatherCounts(round.count)[0] > 0 else { return nil }
    return try served.communicator.scatterFromFirst(
      (0..<served.communicator.size).map { rank in
        round.dropFirst(rank * Self.blockPairs).prefix(Self.blockPairs).compactMap { pair in
          guard let position = pair.position, let row = pair.row else { return nil }
          return Request(shard: Int32(position.shard), user: Int32(position.user), item: Int32(row))
        }
      })
  }

  /// A pair with its places in the data set; nil = not in it.
  private struct Pair {
    let user: String
    let item: String
    let position: (shard: Int, user: Int)?
    let row: Int?
  }

  private func find(_ pair: (user: String, item: String), _ source: IdentifierPairs, _ summary: inout Summary) throws -> Pair {
    let found = Pair(
      user: pair.user, item: pair.item, position: try served.dataset.find(user: pair.user),
      row: served.dataset.items.index(of: pair.item))
    summary.pairs += 1
    guard found.position == nil || found.row == nil else { return found }
    let unknown = found.position == nil ? "user \(pair.user)" : "item \(pair.item)"
    guard !isStrict else {
      throw InputError("\(source.place): \(unknown) is not in the data set; nothing was written (--strict)")
    }
    summary.unknownPairs += 1
    summary.firstUnknown = summary.firstUnknown ?? unknown
    return found
  }

  /// Writes pairs in order; `scores` holds those of the known ones.
  private func write(_ pairs: [Pair], _ scores: [Float], to sink: inout TextSink) throws {
    var known = 0
    for pair in pairs {
      var score = ""
      if pair.position != nil && pair.row != nil {
        score = "\(scores[known])"
        known += 1
      }
      try sink.write("\(CSVField.quoted(pair.user)),\(CSVField.quoted(pair.item)),\(score)\n")
    }
  }

  /// The scores of a block's pairs; each user is embedded once a block, wherever its pairs stand.
  ///
  /// Ranks may have fewer users than others, and then go on with none: embedding can be collective.
  private func scores(of requests: [Request]) throws -> [Float] {
    var slots: [UInt64: Int] = [:]
    var members: [[Int]] = []
    for (index, request) in requests.enumerated() {
      let key = UInt64(UInt32(bitPattern: request.shard)) << 32 | UInt64(UInt32(bitPattern: request.user))
      let slot = slots[key] ?? members.count
      if slot == members.count {
        slots[key] = slot
        members.append([])
      }
      members[slot].append(index)
    }
    var scores = [Float](repeating: 0, count: requests.count)
    let most = try served.communicator.gatherCounts(members.count).max() ?? 0
    for start in stride(from: 0, to: most, by: Self.blockUsers) {
      try score(members.dropFirst(start).prefix(Self.blockUsers), requests, into: &scores)
    }
    return scores
  }

  private func score(_ members: ArraySlice<[Int]>, _ requests: [Request], into scores: inout [Float]) throws {
    let workspace = served.workspace
    let events = try members.map { try served.dataset.shard(Int(requests[$0[0]].shard)).events(Int(requests[$0[0]].user)) }
    try workspace.scope {
      let embeddings = workspace.matrix(events.count, served.width)
      let items = try served.embed(events, items: members.flatMap { $0.map { requests[$0].item } }, into: embeddings)
      var first = 0
      for (slot, indices) in members.enumerated() {
        workspace.scope {
          let wanted = workspace.matrix(indices.count, served.width)
          gather(RowList(rebasing: items.rows[first..<first + indices.count]), from: items.embeddings, into: wanted)
          let products = workspace.matrix(1, indices.count)
          let factor = PackedFactor(wanted, transposed: true, workspace: workspace)
          multiply(embeddings.rows(slot..<slot + 1), factor, into: products)
          for (position, index) in indices.enumerated() { scores[index] = products[0, position] }
        }
        first += indices.count
      }
    }
    guard members.joined().allSatisfy({ scores[$0].isFinite }) else {
      throw served.brokenEmbeddings
    }
  }
}
