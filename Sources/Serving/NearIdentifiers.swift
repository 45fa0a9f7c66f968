import Datasets

/// Ids of a data set that an unknown one may have been meant to be, for messages.
///
/// Ours: ids that differ by one letter (replaced, added, missing, or swapped with its neighbour) or in case only. One pass over
/// the ids without a table of edit distances, so that a large catalogue costs no more than a moment; at most 2 million users or
/// items are looked at.
enum NearIdentifiers {
  static let mostLookedAt = 2_000_000
  static let mostNamed = 3

  /// Item ids near to `id`, three at most.
  static func items(_ id: String, in dataset: Dataset) -> [String] {
    let count = min(dataset.items.count, mostLookedAt)
    return near(id, (0..<count).lazy.map { dataset.items.id($0) })
  }

  /// User ids near to `id`, three at most.
  ///
  /// Throws `InputError` when a shard is damaged.
  static func users(_ id: String, in dataset: Dataset) throws -> [String] {
    var found: [String] = []
    guard dataset.manifest.users <= mostLookedAt else { return found }
    for shard in 0..<dataset.shardCount where found.count < mostNamed {
      let users = try dataset.shard(shard)
      found += near(id, (0..<users.userCount).lazy.map { users.id($0) })
    }
    return Array(found.prefix(mostNamed))
  }

  private static func near(_ id: String, _ candidates: some Sequence<String>) -> [String] {
    let wanted = Array(id.lowercased().utf8)
    return Array(candidates.lazy.filter { isNear(wanted, Array($0.lowercased().utf8)) }.prefix(mostNamed))
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
