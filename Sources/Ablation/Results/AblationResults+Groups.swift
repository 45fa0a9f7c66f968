import Config
import Files
import Reporting

/// Which groups of users a result may be of: the evaluation's buckets by name, scenes as `scenes.NAME`, behaviors as `behaviors.NAME`.
extension AblationResults {
  /// Scenes, or behaviors, that tables have a column for.
  struct Categories: Sendable, Equatable {
    /// "scene" or "behavior".
    let title: String
    /// By name: the names, and the groups that they are.
    let names: [String]
    let groups: [String]
    /// Whether there are more than are shown.
    let isCut: Bool
  }

  /// Columns that a table has room for.
  static let mostCategories = 12
  private static let kinds = [("scenes", "scene"), ("behaviors", "behavior")]

  /// A group of an entry, or of its standard errors.
  static func group(_ name: String, of entry: JSONValue?) -> JSONValue? {
    for (kind, _) in kinds where name.hasPrefix(kind + ".") { return entry?[kind]?[String(name.dropFirst(kind.count + 1))] }
    return entry?[name]
  }

  /// The scenes and behaviors of a place, where there are several: those with the most users, by name.
  func categories(_ selection: Selection, most: Int = mostCategories) -> [Categories] {
    Self.kinds.compactMap { kind, title in
      var users: [String: Double] = [:]
      for variant in grid.variants {
        for seed in grid.seeds {
          guard case .object(let fields) = entry(variant.name, seed, selection, nil)?[kind] else { continue }
          for field in fields { users[field.key] = max(users[field.key] ?? 0, field.value["users"]?.number ?? 0) }
        }
      }
      let evaluated = users.filter { $0.value > 0 }
      let largest = evaluated.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(most).map(\.key).sorted()
      // Of one alone, all users tell.
      guard largest.count > 1 else { return nil }
      return Categories(
        title: title, names: largest, groups: largest.map { "\(kind).\($0)" }, isCut: evaluated.count > largest.count)
    }
  }

  /// Buckets of the grid that no run knows: misspelled, or of another version.
  package var unknownBuckets: [String] {
    let entries = records.values.flatMap(\.values).flatMap { record in
      record.evaluated.values.flatMap { $0.values.flatMap { $0.values.flatMap(\.values) } }
    }
    guard !entries.isEmpty else { return [] }
    return grid.buckets.filter { bucket in !entries.contains { Self.group(bucket, of: $0)?["users"] != nil } }
  }
}
