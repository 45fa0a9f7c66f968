package import Datasets
package import Files
import Texts

/// Finds users, items and scenes of a data set by the names that people type.
package struct Lookup {
  private let dataset: Dataset

  /// Looks into a data set.
  package init(_ dataset: Dataset) { self.dataset = dataset }

  /// A user's events; nil when the data set does not have the user.
  ///
  /// Throws `InputError` when the shard is damaged.
  package func events(ofUser id: String) throws -> UserEvents? {
    try dataset.find(user: id).map { try dataset.shard($0.shard).events($0.user) }
  }

  /// Why a user cannot be served: not in the data set, with ids that may have been meant.
  package func unknownUser(_ id: String) throws -> InputError {
    let example = try (0..<dataset.shardCount).lazy.map(dataset.shard).first { $0.userCount > 0 }?.id(0)
    return unknown("user", id, near: try NearIdentifiers.users(id, in: dataset), example: example)
  }

  /// The catalogue row of an item.
  ///
  /// Throws `InputError` when the data set does not have it, or has it once a scene.
  package func item(_ id: String) throws -> Int {
    let rows = DatasetItems(dataset).items(named: id)
    guard rows.count < 2 else {
      throw InputError("item \(id) is one of each scene: give \(rows.map(dataset.items.id).joined(separator: " or "))")
    }
    guard let row = rows.first else {
      let example = dataset.items.count > 0 ? dataset.items.id(0) : nil
      throw unknown("item", id, near: NearIdentifiers.items(id, in: dataset), example: example)
    }
    return row
  }

  /// The number of a scene.
  ///
  /// Throws `InputError` that lists the scenes there are.
  package func scene(_ name: String) throws -> Int {
    guard let scene = dataset.scenes.firstIndex(ofIdentifier: name) else {
      throw InputError("the data set has no scene \(name); it has \(dataset.scenes.joined(separator: ", "))")
    }
    return scene
  }

  /// The code points beyond ASCII, by which ids that look alike can be told apart.
  private func scalars(_ id: String) -> String {
    id.unicodeScalars.filter { !$0.isASCII }.prefix(8).map { "U+" + String($0.value, radix: 16, uppercase: true) }.joined(
      separator: " ")
  }

  private func unknown(_ what: String, _ id: String, near: [String], example: String?) -> InputError {
    let names = near.map { $0 == id ? "\($0) (the same letters in other bytes: \(scalars($0)))" : $0 }
    let hint = near.isEmpty ? example.map { "its ids look like \($0)" } : "did you mean \(names.joined(separator: " or "))?"
    return InputError("\(what) \(id) is not in the data set \(dataset.path)" + (hint.map { "; \($0)" } ?? ""))
  }
}

/// Finds the users that are served: those of a file of events first, then the data set's.
package struct ServedUsers {
  private let lookup: Lookup
  private let fresh: FreshEvents?

  /// Looks into a file's events, where there are some, and into a data set.
  package init(_ dataset: Dataset, fresh: FreshEvents? = nil) { (lookup, self.fresh) = (Lookup(dataset), fresh) }

  /// A user's events; nil for one that nobody knows, or of whom no event is left.
  package func events(of id: String) throws -> UserEvents? {
    guard let fresh, let user = fresh.find(id) else { return try lookup.events(ofUser: id) }
    return fresh.events(user).count > 0 ? fresh.events(user) : nil
  }

  /// Why a user cannot be served.
  package func unknown(_ id: String) throws -> InputError {
    guard fresh?.find(id) != nil else { return try lookup.unknownUser(id) }
    return InputError("user \(id) has no event on an item that the data set has, so there is nothing to go by")
  }
}

/// Ids of a data set that an unknown one may have been meant to be, for messages.
///
/// Ours: ids of the same letters in other bytes (Unicode writes é in two ways), ids that differ in case only, then those that differ by one letter (replaced, added, missing, or swapped with its
/// neighbor). One pass over the ids without a table of edit distances, so that a large catalogue costs no more than a moment; at
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
