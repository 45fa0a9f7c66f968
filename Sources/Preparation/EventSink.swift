import Datasets
import Files

/// Reads interaction sources: checks rows, numbers ids and hands events to the sorter.
final class EventSink {
  let users: UserTable
  let items = IdentifierTable()
  let scenes = NameTable("scene")
  let behaviors = NameTable("behavior")
  private(set) var rows = 0
  /// Good rows older than the floor.
  private(set) var rowsTooOld = 0
  /// The same of the data set that is appended to.
  private(set) var knownTooOld = 0
  private(set) var badRows: BadRowLog
  /// Times that are read but look wrong.
  private(set) var times = TimeWatch()
  private(set) var inputs: [DatasetManifest.Input] = []

  private let itemKey: ItemKey
  private let sceneKey: SceneKey
  private let floor: Int64
  private let sorter: EventSorter
  private let reporter: PreparationReporter
  private let key = ByteBuffer()
  private var bytesOfFilesBefore = 0

  init(_ options: PreparationOptions, users: UserTable, sorter: EventSorter, reporter: PreparationReporter) {
    itemKey = options.itemKey
    sceneKey = options.sceneKey
    floor = options.since?.time ?? .min
    self.users = users
    self.sorter = sorter
    self.reporter = reporter
    badRows = BadRowLog(note: reporter.note)
  }

  /// Numbers a data set's items, and the scenes and behaviors that it has events in, before any row does; then reads its events.
  ///
  /// Scenes that only listings name come later (`ItemFiles`), as they do when everything is prepared at once.
  func read(_ dataset: Dataset) throws {
    for item in 0..<dataset.items.count { _ = try items.intern(dataset.items.idBytes(item)) }
    guard items.count == dataset.items.count else {
      throw InputError("\(dataset.path) has an item twice; prepare it again")
    }
    for (table, categories) in [(scenes, dataset.manifest.scenes), (behaviors, dataset.manifest.behaviors)] {
      for category in categories where category.events > 0 { try table.intern(category.name) }
    }
    let before = rows
    try read(DatasetSource(dataset))
    (rows, knownTooOld) = (before, rowsTooOld)
  }

  /// Reads a whole source.
  ///
  /// Throws `InputError` when the file is damaged or a table is full.
  func read(_ source: any RowSource) throws {
    let row = Row()
    let defaults = Defaults(source)
    let (rowsBefore, badBefore) = (rows, badRows.total)
    reading: while true {
      switch try source.next(row) {
      case .end: break reading
      case .bad(let problem): refuse(problem, source)
      case .row:
        rows += 1
        if let problem = try take(row, defaults, source) {
          badRows.add(problem, at: source.place)
        }
      }
      if rows & 0xFFFF == 0 { reporter.progress(rows, bytesOfFilesBefore + source.bytesRead) }
    }
    bytesOfFilesBefore += source.bytesRead
    reporter.progress(rows, bytesOfFilesBefore)
    inputs.append(
      DatasetManifest.Input(
        path: source.path, kind: source.isPrepared ? "dataset" : "interactions", rows: rows - rowsBefore,
        badRows: badRows.total - badBefore))
  }

  /// A hash of what an event is but for its user and time: of its item's id, its scene and its behavior, not of their numbers.
  func hash(_ event: EventRecord) -> UInt64 {
    let index = VirtualShards.finalize(scenes.hash(Int(event.scene)) &+ 1) ^ behaviors.hash(Int(event.behavior))
    return VirtualShards.hash(items[Int(event.item)]) ^ VirtualShards.finalize(index)
  }

  private func refuse(_ problem: BadRow, _ source: any RowSource) {
    rows += problem.rows
    badRows.add(problem, at: source.place)
  }

  /// Checks one row and appends its event; returns what is wrong with it.
  ///
  /// Nothing is numbered unless the whole row is good.
  @inline(__always)
  private func take(_ row: Row, _ defaults: Defaults, _ source: any RowSource) throws -> BadRow? {
    let isPrepared = defaults.isPrepared
    let time: Int64
    switch Timestamp.parse(row[.timestamp], unit: defaults.timeUnit) {
    case .success(let value): time = value
    case .failure(let failure): return wrongTime(row[.timestamp], failure, isTyped: defaults.hasTypedTimes)
    }
    let scene = row[.scene].isEmpty ? defaults.sceneBytes : row[.scene]
    let behavior = row[.behavior].isEmpty ? defaults.behaviorBytes : row[.behavior]
    let (foundUser, userHash) = users.find(row[.user])
    if foundUser == nil, let problem = IdentifierCheck.problem(row[.user], "user", isPrepared: isPrepared) { return problem }
    let takesID = isPrepared || itemKey == .item
    if !takesID {
      if let problem = IdentifierCheck.problem(row[.item], "item") { return problem }
      try sceneKey.check(scene, source.place)
    }
    let itemID = takesID ? row[.item] : sceneKey.join(row[.item], scene, key)
    let (foundItem, itemHash) = items.find(itemID)
    if foundItem == nil, let problem = IdentifierCheck.problem(itemID, "item") { return problem }
    guard case .number(let sceneNumber) = try scenes.number(scene) else { return wrongName(scene, "scene") }
    guard case .number(let behaviorNumber) = try behaviors.number(behavior) else { return wrongName(behavior, "behavior") }
    let user = try foundUser ?? users.insert(row[.user], hash: userHash)
    let item = try foundItem ?? items.insert(itemID, hash: itemHash)
    if !isPrepared && !TimeWatch.usual.contains(time) { times.add(time, row[.timestamp], source) }
    if !defaults.hasTypedTimes { times.newest = max(times.newest, time) }
    guard time >= floor else {
      rowsTooOld += 1
      return nil
    }
    try sorter.append(
      EventRecord(time: time, user: UInt32(user), item: UInt32(item), scene: sceneNumber, behavior: behaviorNumber))
    return nil
  }

  private func wrongTime(_ text: UnsafeRawBufferPointer, _ failure: Timestamp.Failure, isTyped: Bool) -> BadRow {
    switch failure {
    case .notATime where isTyped: BadRow(kind: .timestamp, detail: "the timestamp is missing")
    case .outOfRange where isTyped:
      BadRow(kind: .timestampRange, detail: "the timestamp is \(excerpt(text)) microseconds since 1970")
    case .notATime:
      BadRow(
        kind: .timestamp,
        detail:
          "the timestamp is \(excerpt(text)), neither a number nor ISO 8601; times are numbers such as 1740819957.25 (--time-unit), "
          + "2025-03-01T09:05:57+01:00, 2025-03-01 09:05:57 or 2025-03-01")
    case .outOfRange:
      BadRow(
        kind: .timestampRange,
        detail: "the timestamp is \(excerpt(text)); "
          + (TimeWatch.advice(text) ?? "is it in another unit (--time-unit)?"))
    }
  }

  private func wrongName(_ name: UnsafeRawBufferPointer, _ what: String) -> BadRow? { IdentifierCheck.problem(name, what) }

  /// What rows of a source have when they do not say it themselves.
  private struct Defaults {
    let timeUnit: TimeUnit
    /// Whether the times' unit is beyond doubt: a type's, or a data set's.
    let hasTypedTimes: Bool
    let isPrepared: Bool
    private let scene = ByteBuffer()
    private let behavior = ByteBuffer()

    init(_ source: any RowSource) {
      timeUnit = source.timeUnit
      hasTypedTimes = source.hasTypedTimes || source.isPrepared
      isPrepared = source.isPrepared
      for byte in source.defaultScene.utf8 { scene.append(byte) }
      for byte in source.defaultBehavior.utf8 { behavior.append(byte) }
    }

    var sceneBytes: UnsafeRawBufferPointer { scene[0..<scene.count] }
    var behaviorBytes: UnsafeRawBufferPointer { behavior[0..<behavior.count] }
  }
}
