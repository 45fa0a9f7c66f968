package import Datasets
import Files
package import Preparation
import Tensors
import Texts

/// Events that no data set has: of visits, new users and known ones, read from a file for the model as it is.
///
/// Ours. Users stand in the order of their first row. The events of a user that the data set has come first, unless they are not wanted;
/// repeats of an event with its time count once. What a row does not say is filled in: the scene by one that its item has, the behavior by
/// the data set's most frequent, the time by now. Held in memory, some 40 bytes an event.
package final class FreshEvents: Sendable {
  /// One user.
  package struct User: Sendable {
    /// The id; of an anonymous visit `visit`.
    package let id: String
    /// Whether the data set has the user.
    package let isKnown: Bool
    fileprivate let range: Range<Int>
  }

  /// How a file is read.
  package struct Options: Sendable {
    /// The columns' names.
    package var columns = ColumnNames()
    /// The unit of times that are numbers.
    package var timeUnit = TimeUnit.seconds
    /// Whether the data set's events of a user come before the file's.
    package var joins = true
    /// The time of rows without one, in microseconds since 1970; nil = that of the data set's newest event.
    package var now: Int64?

    /// The usual columns, times in seconds.
    package init() {}
  }

  /// The id of a visit whose user nobody knows.
  package static let visitor = "visit"

  /// The users.
  package let users: [User]
  /// Rows of the file.
  package let rows: Int
  /// Rows whose item the data set lacks; they are left out.
  package let unknownRows: Int
  /// The first item that the data set lacks.
  package let firstUnknown: String?
  /// The time of the newest event, in microseconds since 1970; nil when there is none.
  package let newest: Int64?
  private let indices: [Identifier: Int]
  private nonisolated(unsafe) let items: Storage<Int32>
  private nonisolated(unsafe) let times: Storage<Int64>
  private nonisolated(unsafe) let scenes: Storage<UInt16>
  private nonisolated(unsafe) let behaviors: Storage<UInt16>

  /// Reads a file (`.gz`, `-`).
  ///
  /// Throws `InputError` at the first bad row, for a scene or behavior that the data set does not have, and when no row is left.
  package init(path: String, dataset: Dataset, options: Options = Options()) throws {
    let rows = try EventRows(path: path, columns: options.columns, timeUnit: options.timeUnit)
    var reader = FreshEventReader(dataset, now: options.now)
    while let row = try rows.next() { try reader.take(row) }
    guard reader.rows > 0 else { throw InputError("\(rows.path) has no event; give one a row, with at least its item") }
    (self.rows, unknownRows, firstUnknown) = (reader.rows, reader.unknownRows, reader.firstUnknown)
    var (users, all) = ([User](), [FreshEvent]())
    let lookup = Lookup(dataset)
    for (id, events) in zip(reader.ids, reader.events) {
      // A visit's name is ours: a user of that name is somebody else.
      let known = reader.hasUsers ? try lookup.events(ofUser: id) : nil
      let before = options.joins ? known.map(FreshEvent.all) ?? [] : []
      let joined = FreshEvent.joined(before, events, dropsRepeats: reader.hasTimes)
      users.append(User(id: id, isKnown: known != nil, range: all.count..<all.count + joined.count))
      all += joined
    }
    self.users = users
    indices = Dictionary(uniqueKeysWithValues: users.enumerated().map { (Identifier($1.id), $0) })
    newest = all.map(\.time).max()
    (items, times) = (Storage(count: all.count), Storage(count: all.count))
    (scenes, behaviors) = (Storage(count: all.count), Storage(count: all.count))
    for (index, event) in all.enumerated() {
      (items.base[index], times.base[index]) = (event.item, event.time)
      (scenes.base[index], behaviors.base[index]) = (event.scene, event.behavior)
    }
  }

  /// A user's events in time order; valid while this object lives.
  package func events(_ user: Int) -> UserEvents {
    let range = users[user].range
    func part<Element>(_ storage: Storage<Element>) -> UnsafeBufferPointer<Element> {
      UnsafeBufferPointer(start: storage.base + range.lowerBound, count: range.count)
    }
    return UserEvents(
      items: part(items), times: part(times), scenes: part(scenes), behaviors: part(behaviors))
  }

  /// The number of the user with this id; nil when no row names it.
  package func find(_ id: String) -> Int? { indices[Identifier(id)] }
}

/// One event in the data set's numbers.
private struct FreshEvent: Hashable {
  let time: Int64
  let item: Int32
  let scene: UInt16
  let behavior: UInt16

  /// Those of a user of the data set.
  static func all(_ events: UserEvents) -> [FreshEvent] {
    (0..<events.count).map {
      FreshEvent(time: events.times[$0], item: events.items[$0], scene: events.scenes[$0], behavior: events.behaviors[$0])
    }
  }

  /// Both in time order, of equal times the known ones first.
  ///
  /// - Parameter dropsRepeats: whether each event counts once; of events without times nothing tells a repeat from a second visit.
  static func joined(_ known: [FreshEvent], _ fresh: [FreshEvent], dropsRepeats: Bool) -> [FreshEvent] {
    var seen = Set(known)
    let all = known + (dropsRepeats ? fresh.filter { seen.insert($0).inserted } : fresh)
    return all.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element)
  }
}

/// Puts a file's rows into the data set's numbers, user by user.
private struct FreshEventReader {
  private(set) var rows = 0
  private(set) var unknownRows = 0
  private(set) var firstUnknown: String?
  /// Whether rows have users and times of their own: all of a file do, or none.
  private(set) var hasUsers = false
  private(set) var hasTimes = false
  private(set) var ids: [String] = []
  private(set) var events: [[FreshEvent]] = []
  private let dataset: Dataset
  private let lookup: DatasetItems
  private let commonScene: UInt16
  private let commonBehavior: UInt16
  private var now: Int64?
  private var users: [Identifier: Int] = [:]

  init(_ dataset: Dataset, now: Int64?) {
    func mostFrequent(_ categories: [CategoryCount]) -> UInt16 {
      UInt16(categories.indices.max { (categories[$0].events, $1) < (categories[$1].events, $0) } ?? 0)
    }
    (self.dataset, self.now) = (dataset, now)
    lookup = DatasetItems(dataset)
    commonScene = mostFrequent(dataset.manifest.scenes)
    commonBehavior = mostFrequent(dataset.manifest.behaviors)
  }

  mutating func take(_ row: EventRows.Event) throws {
    rows += 1
    (hasUsers, hasTimes) = (row.user != nil, row.time != nil)
    let scene = try row.scene.map { try number($0, dataset.scenes, "scene", row) }
    let behavior = try row.behavior.map { try number($0, dataset.behaviors, "behavior", row) } ?? commonBehavior
    let time = try row.time ?? newestTime()
    let user = user(row.user ?? FreshEvents.visitor)
    guard let item = item(row.item, scene) else {
      unknownRows += 1
      firstUnknown = firstUnknown ?? row.item
      return
    }
    let own = dataset.items.scenes(item).first.map { UInt16($0) }
    events[user].append(FreshEvent(time: time, item: Int32(item), scene: scene ?? own ?? commonScene, behavior: behavior))
  }

  /// The user's place; a new one for a new id.
  private mutating func user(_ id: String) -> Int {
    if let known = users[Identifier(id)] { return known }
    users[Identifier(id)] = ids.count
    ids.append(id)
    events.append([])
    return ids.count - 1
  }

  /// The item of an id; of one that every scene has for itself, that of the row's scene.
  private func item(_ id: String, _ scene: UInt16?) -> Int? {
    let found = lookup.items(named: id)
    guard found.count > 1 else { return found.first }
    return found.first { dataset.items.scenes($0).contains(Int(scene ?? commonScene)) } ?? found.first
  }

  private func number(_ name: String, _ names: [String], _ what: String, _ row: EventRows.Event) throws -> UInt16 {
    guard let number = names.firstIndex(ofIdentifier: name) else {
      throw InputError(
        "\(row.place): the data set has no \(what) \(name), only \(names.joined(separator: ", ")); give one of these, or none")
    }
    return UInt16(number)
  }

  private mutating func newestTime() throws -> Int64 {
    if let now { return now }
    let newest = try dataset.newestTime(shards: 0..<dataset.shardCount) ?? 0
    now = newest
    return newest
  }
}
