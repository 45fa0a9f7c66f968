import Datasets
import Files

/// Reads interaction sources: checks rows, numbers ids and hands events on.
final class EventSink {
  let users: UserTable
  let names = EventNames()
  private(set) var account = ReadAccount()

  /// Rows after which progress is told and `checkStop` is asked, whatever the files (ours: a few hundredths of a second).
  private static let rowsBetweenLooks = 1 << 16

  private let itemKey: ItemKey
  private let sceneKey: SceneKey
  private let floor: Int64
  private let store: any EventStore
  private let reporter: PreparationReporter
  private let checkStop: () throws -> Void
  private var rowsToLook = EventSink.rowsBetweenLooks
  private let key = ByteBuffer()

  /// Makes a sink without an event.
  ///
  /// - Parameters:
  ///   - store: gets the events, with the numbers of `users` and `names`.
  ///   - checkStop: called again and again while rows are read, which ends with what it throws.
  init(
    _ options: PreparationOptions, users: UserTable, store: any EventStore, reporter: PreparationReporter,
    checkStop: @escaping () throws -> Void = {}
  ) {
    itemKey = options.itemKey
    sceneKey = options.sceneKey
    floor = options.since?.time ?? .min
    self.users = users
    self.store = store
    self.reporter = reporter
    self.checkStop = checkStop
  }

  /// Numbers a data set's items, and the scenes and behaviors that it has events in, before any row does.
  ///
  /// Scenes that only listings name come later (`ItemFiles`), as they do when everything is prepared at once.
  func number(_ dataset: Dataset) throws {
    for item in 0..<dataset.items.count { _ = try names.items.intern(dataset.items.idBytes(item)) }
    guard names.items.count == dataset.items.count else {
      throw InputError("\(dataset.path) has an item twice; prepare it again")
    }
    for (table, categories) in [(names.scenes, dataset.manifest.scenes), (names.behaviors, dataset.manifest.behaviors)] {
      for category in categories where category.events > 0 { try table.intern(category.name) }
    }
  }

  /// Reads the events of some shards of a data set whose names are numbered.
  func read(_ dataset: Dataset, shards: Range<Int>) throws {
    let (rows, tooOld) = (account.rows, account.rowsTooOld)
    // Its rows are none of the files', wherever reading ends.
    defer {
      account.rows = rows
      account.knownTooOld += account.rowsTooOld - tooOld
    }
    try read(DatasetSource(dataset, shards: shards), input: 0)
  }

  /// Reads a whole source, which is (a part of) the input of this number.
  ///
  /// Throws `InputError` when the file is damaged or a table is full.
  func read(_ source: any RowSource, input: Int) throws {
    let row = Row()
    let defaults = Defaults(source)
    let (rowsBefore, badBefore) = (account.rows, account.badRows.total)
    reading: while true {
      switch try source.next(row) {
      case .end: break reading
      case .bad(let problem): refuse(problem, source)
      case .row:
        if let problem = try take(row, defaults, source) {
          refuse(problem, source)
        } else {
          account.rows += 1
        }
      }
      rowsToLook -= 1
      if rowsToLook == 0 {
        reporter.progress(account.rows, account.bytes + source.bytesRead)
        try checkStop()
        rowsToLook = Self.rowsBetweenLooks
      }
    }
    account.bytes += source.bytesRead
    reporter.progress(account.rows, account.bytes)
    account.add(
      DatasetManifest.Input(
        path: source.path, kind: source.isPrepared ? "dataset" : "interactions", rows: account.rows - rowsBefore,
        badRows: account.badRows.total - badBefore), number: input)
  }

  private func refuse(_ problem: BadRow, _ source: any RowSource) {
    account.rows += problem.rows
    if let line = account.badRows.add(problem, at: source.place) { reporter.note(line) }
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
    let (foundItem, itemHash) = names.items.find(itemID)
    if foundItem == nil, let problem = IdentifierCheck.problem(itemID, "item") { return problem }
    guard case .number(let sceneNumber) = try names.scenes.number(scene) else { return wrongName(scene, "scene") }
    guard case .number(let behaviorNumber) = try names.behaviors.number(behavior) else { return wrongName(behavior, "behavior") }
    let user = try foundUser ?? users.insert(row[.user], hash: userHash)
    let item = try foundItem ?? names.items.insert(itemID, hash: itemHash)
    if !isPrepared && !TimeWatch.usual.contains(time) { account.times.add(time, row[.timestamp], source) }
    if !defaults.hasTypedTimes { account.times.newest = max(account.times.newest, time) }
    guard time >= floor else {
      account.rowsTooOld += 1
      return nil
    }
    try store.append(
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

/// The names that events are numbered by, but for their users: items, scenes and behaviors.
struct EventNames {
  let items: IdentifierTable
  let scenes: NameTable
  let behaviors: NameTable

  /// Starts without a name.
  init() {
    (items, scenes, behaviors) = (IdentifierTable(), NameTable("scene"), NameTable("behavior"))
  }

  init(items: IdentifierTable, scenes: NameTable, behaviors: NameTable) {
    (self.items, self.scenes, self.behaviors) = (items, scenes, behaviors)
  }

  /// A hash of what an event is but for its user and time: of its item's id, its scene and its behavior, not of their numbers.
  func hash(_ event: EventRecord) -> UInt64 {
    let index = VirtualShards.finalize(scenes.hash(Int(event.scene)) &+ 1) ^ behaviors.hash(Int(event.behavior))
    return VirtualShards.hash(items[Int(event.item)]) ^ VirtualShards.finalize(index)
  }
}
