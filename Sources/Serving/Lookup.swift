public import Datasets
public import Files
import Text

/// Finds users, items and scenes of a data set by the names that people type.
public struct Lookup {
  private let dataset: Dataset

  /// Looks into a data set.
  public init(_ dataset: Dataset) { self.dataset = dataset }

  /// A user's events; nil when the data set does not have the user.
  ///
  /// Throws `InputError` when the shard is damaged.
  public func events(ofUser id: String) throws -> UserEvents? {
    try dataset.find(user: id).map { try dataset.shard($0.shard).events($0.user) }
  }

  /// Why a user cannot be served: not in the data set, with ids that may have been meant.
  public func unknownUser(_ id: String) throws -> InputError {
    let example = try (0..<dataset.shardCount).lazy.map(dataset.shard).first { $0.userCount > 0 }?.id(0)
    return unknown("user", id, near: try NearIdentifiers.users(id, in: dataset), example: example)
  }

  /// The catalogue row of an item.
  ///
  /// Throws `InputError` when the data set does not have it, or has it once a scene.
  public func item(_ id: String) throws -> Int {
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
  public func scene(_ name: String) throws -> Int {
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
