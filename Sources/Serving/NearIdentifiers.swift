import Datasets

/// Ids of a data set that an unknown one may have been meant to be, for messages.
///
/// Ours: ids of the same letters in other bytes (Unicode writes é in two ways), ids that differ in case only, then those that differ by one letter (replaced, added, missing, or swapped with its
/// neighbour). One pass over the ids without a table of edit distances, so that a large catalogue costs no more than a moment; at
/// most 2 million users or items are looked at.
struct NearIdentifiers {
  static let mostLookedAt = 2_000_000
  static let mostNamed = 3

  private let id: String
  private let wanted: [UInt8]
  private var twins: [String] = []
  private var same: [String] = []
  private var near: [String] = []

  private init(_ id: String) {
    self.id = id
    wanted = Array(id.lowercased().utf8)
  }

  private var best: [String] { Array((twins + same + near).prefix(Self.mostNamed)) }

  /// Item ids near to `id`, three at most.
  static func items(_ id: String, in dataset: Dataset) -> [String] {
    var found = NearIdentifiers(id)
    for item in 0..<min(dataset.items.count, mostLookedAt) { found.offer(dataset.items.id(item)) }
    return found.best
  }

  /// User ids near to `id`, three at most.
  ///
  /// Throws `InputError` when a shard is damaged.
  static func users(_ id: String, in dataset: Dataset) throws -> [String] {
    var found = NearIdentifiers(id)
    guard dataset.manifest.users <= mostLookedAt else { return [] }
    for shard in 0..<dataset.shardCount {
      let users = try dataset.shard(shard)
      for user in 0..<users.userCount { found.offer(users.id(user)) }
    }
    return found.best
  }

  private mutating func offer(_ id: String) {
    let candidate = Array(id.lowercased().utf8)
    // `String` compares by canonical equivalence, which is what is asked here.
    if id == self.id {
      twins.append(id)
    } else if candidate == wanted {
      same.append(id)
    } else if near.count < Self.mostNamed && Self.isNear(wanted, candidate) {
      near.append(id)
    }
  }

  /// Whether two words differ by at most one edit: what is left without common beginning and end is one letter or a swapped pair.
  static func isNear(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    guard abs(one.count - other.count) <= 1 else { return false }
    var start = 0
    while start < one.count, start < other.count, one[start] == other[start] { start += 1 }
    var (oneEnd, otherEnd) = (one.count, other.count)
    while oneEnd > start, otherEnd > start, one[oneEnd - 1] == other[otherEnd - 1] {
      oneEnd -= 1
      otherEnd -= 1
    }
    let (oneRest, otherRest) = (one[start..<oneEnd], other[start..<otherEnd])
    if oneRest.count <= 1 && otherRest.count <= 1 { return true }
    return oneRest.count == 2 && otherRest.count == 2 && oneRest.elementsEqual(otherRest.reversed())
  }
}
