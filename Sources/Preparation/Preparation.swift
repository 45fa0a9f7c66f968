package import Datasets
import Files
import Glibc

/// Makes a data set out of raw event files: read, sort, filter, split, audit, write.
///
/// ```
/// files → RowSource → EventSink → EventSorter → UserEventRules → CoreFilter → SplitTally → DatasetWriter → folder
///                                (spills, merges) (duplicates, ties)          (items files: ItemFiles)
/// ```
/// Memory is bounded by the distinct ids and texts plus `PreparationOptions.memory`, not by the number of events (one user's events must fit).
package struct Preparation {
  private let options: PreparationOptions
  private let reporter: PreparationReporter

  /// Takes what to do and where to tell of it.
  package init(_ options: PreparationOptions, reporter: PreparationReporter = PreparationReporter()) {
    self.options = options
    self.reporter = reporter
  }

  /// Does everything and returns the manifest of the new data set.
  ///
  /// Throws `InputError` for bad input; nothing is left under the output's name then.
  package func run() throws -> DatasetManifest {
    if let problem = options.problems.first { throw InputError(problem) }
    let isFormatGiven = options.format != nil
    let interactions = try InputFiles.expand(options.interactions, isFormatGiven: isFormatGiven)
    let items = try InputFiles.expand(options.items, isFormatGiven: isFormatGiven)
    try preflight(interactions, items)
    return try run(
      interactions: interactions.map { file in { try Importer.interactions(file, options) } },
      items: items.map { file in { try Importer.items(file, options) } })
  }

  package typealias Opener = () throws -> any RowSource

  /// The same over sources of any kind, opened one after another.
  package func run(interactions: [Opener], items: [Opener]) throws -> DatasetManifest {
    let folder = try OutputFolder(path: options.output, kind: .dataset, overwrite: options.overwrite)
    let users = UserTable(shardCount: options.virtualShards)
    let sorter = EventSorter(users: users, folder: folder.temporaryPath, memory: options.memory)
    let sink = EventSink(options, users: users, sorter: sorter, reporter: reporter)
    if let known = options.known { try sink.read(known) }
    let knownUsers = users.count
    for open in interactions { try sink.read(try open()) }
    try sink.badRows.check(options.maximumBadRows, rows: sink.rows, "interaction")
    guard sink.rows > 0 else {
      throw InputError("there is no row in \(options.interactions.joined(separator: ", ")); are these the interactions?")
    }
    var manifest = DatasetManifest()
    manifest.preparation = PreparationProtocol(options)
    manifest.counts.interactionRows = sink.rows
    if options.since != nil { manifest.counts.eventsTooOld = sink.rowsTooOld }
    (manifest.counts.usersSeen, manifest.counts.itemsSeen) = (users.count, sink.items.count)
    let (events, rows) = try sortAndFilter(sorter, sink, knownUsers: knownUsers, &manifest)
    try write(events, rows, sink, items, folder, &manifest)
    try folder.commit()
    return manifest
  }

  /// Opens every plain file once, so that a missing file or column fails before the work rather than after it.
  private func preflight(_ interactions: [InputFile], _ items: [InputFile]) throws {
    for (files, open) in [(interactions, Importer.interactions), (items, Importer.items)] {
      for file in files where file.path != "-" {
        var status = stat()
        let isPipe = stat(file.path, &status) == 0 && status.st_mode & S_IFMT != S_IFREG && status.st_mode & S_IFMT != S_IFDIR
        if !isPipe { _ = try open(file, options) }
      }
    }
  }

  /// Returns the kept events with their final item numbers, and each catalogue row's place in the table of ids.
  private func sortAndFilter(
    _ sorter: EventSorter, _ sink: EventSink, knownUsers: Int, _ manifest: inout DatasetManifest
  ) throws -> (SortedEvents, [Int]) {
    reporter.note(sorter.runCount > 0 ? "merging \(sorter.runCount + 1) sorted runs" : "sorting")
    var rules = UserEventRules(duplicates: options.duplicates, ties: options.ties, eventHash: sink.hash)
    let events = try sorter.finish(&rules)
    manifest.counts.exactDuplicates = rules.exactDuplicates
    manifest.counts.droppedDuplicates = rules.dropped
    let filter = CoreFilter(
      minimumUserEvents: options.minimumUserEvents, minimumItemEvents: options.minimumItemEvents, knownUsers: knownUsers,
      knownItems: options.known?.items.count ?? 0, keepsGoneItems: options.goneItems == .keep)
    let core = filter.run(events, itemCount: sink.items.count)
    let rows = core.keepsItem.indices.filter { core.keepsItem[$0] }
    var numbers = [Int32](repeating: -1, count: core.keepsItem.count)
    for (number, item) in rows.enumerated() { numbers[item] = Int32(number) }
    let (usersBefore, eventsBefore) = (events.users.count, events.count)
    events.compact(keepsUser: core.keepsUser, itemNumbers: numbers)
    guard events.count > 0 else {
      if let since = options.since, eventsBefore == 0 { throw InputError("every event is older than --since \(since)") }
      throw InputError(
        "no event is left of \(eventsBefore): no user has \(options.minimumUserEvents) events on items that have "
          + "\(options.minimumItemEvents); lower --min-user-events or --min-item-events")
    }
    manifest.counts.usersDropped = usersBefore - events.users.count
    manifest.counts.itemsDropped = sink.items.count - rows.count
    manifest.counts.eventsDropped = eventsBefore - events.count
    manifest.counts.newRows = account(sink, manifest.counts, core)
    manifest.counts.coreRounds = core.rounds
    (manifest.users, manifest.items, manifest.events) = (events.users.count, rows.count, events.count)
    manifest.appendedTo = options.known.map { appended($0, events, rows, knownUsers: knownUsers) }
    return (events, rows)
  }

  /// Where the rows of the files went: known users and items are never dropped, so whatever was is of these rows.
  private func account(_ sink: EventSink, _ counts: PreparationCounts, _ core: CoreFilter.Result) -> RowAccount {
    var account = RowAccount()
    (account.rows, account.bad, account.tooOld) = (sink.rows, sink.badRows.total, sink.rowsTooOld - sink.knownTooOld)
    account.duplicates = counts.droppedDuplicates
    (account.belowUserMinimum, account.belowItemMinimum) = (core.eventsOfUsers, core.eventsOfItems)
    account.kept =
      account.rows - account.bad - account.tooOld - account.duplicates - account.belowUserMinimum - account.belowItemMinimum
    account.keptShare = Double(account.kept) / Double(max(1, account.rows))
    return account
  }

  /// What the data set was that this one begins with, and what of it has no event any more; items have their final numbers.
  private func appended(_ known: Dataset, _ events: SortedEvents, _ rows: [Int], knownUsers: Int) -> AppendedTo {
    var isAlive = [Bool](repeating: false, count: rows.count)
    events.forEach { _, events in for event in events { isAlive[Int(event.item)] = true } }
    let items = rows.indices.count { rows[$0] < known.items.count && isAlive[$0] }
    var appended = AppendedTo(
      path: known.path, checksum: known.manifest.checksum, users: known.manifest.users, items: known.items.count,
      events: known.manifest.events, usersGone: knownUsers - events.users.count { $0 < knownUsers },
      itemsGone: known.items.count - items, goneItems: options.goneItems.rawValue)
    let rules = known.manifest.preparation
    (appended.minimumUserEvents, appended.minimumItemEvents) = (rules.minimumUserEvents, rules.minimumItemEvents)
    return appended
  }

  private func write(
    _ events: SortedEvents, _ rows: [Int], _ sink: EventSink, _ items: [Opener], _ folder: OutputFolder,
    _ manifest: inout DatasetManifest
  ) throws {
    reporter.note("splitting and counting \(events.count) events")
    let isCold = options.coldItems.map { cold in rows.map { cold.contains(sink.items[$0]) } } ?? []
    var tally = SplitTally(
      events, items: rows.count, scenes: sink.scenes.count, behaviors: sink.behaviors.count, rule: options.split, isCold: isCold)
    try checkTraining(tally)
    let itemFiles = try readItems(rows, sink, items, &manifest)
    tally.scenes.add(listed: itemFiles.listed, categories: sink.scenes.count)
    fill(&manifest, tally, sink)
    let withoutText = rows.indices.reduce(0) { $0 + (itemFiles.text($1).isEmpty ? tally.eventCounts[$1] : 0) }
    let warnings = PreparationWarnings(
      sink, itemFiles, eventsWithoutText: withoutText, events: manifest.events, unit: options.timeUnit)
    let lost = manifest.appendedTo != nil ? manifest.counts.newRows?.minimumsAdvice.map { [$0] } ?? [] : []
    manifest.warnings = warnings.sentences.isEmpty && lost.isEmpty ? nil : warnings.sentences + lost
    let scenes = DatasetWriter.renumbering(tally.scenes.items.map { $0 > 0 })
    let behaviors = DatasetWriter.renumbering(tally.behaviors.items.map { $0 > 0 })
    reporter.note("writing \(options.virtualShards) shards")
    var writer = DatasetWriter(folder)
    manifest.shards = try writer.writeShards(events, sink.users, rule: options.split, scenes: scenes, behaviors: behaviors)
    try writer.writeItems(
      ids: sink.items, rows: rows, itemFiles: itemFiles, trainCounts: tally.trainCounts, scenePairs: tally.scenes.pairs,
      scenes: scenes, isCold: isCold)
    manifest = try writer.writeManifest(manifest)
  }

  /// Throws `InputError` when the split leaves nothing that a model could learn.
  private func checkTraining(_ tally: SplitTally) throws {
    guard tally.usersToLearnFrom == 0 && !options.mayLackTraining else { return }
    let split = options.split
    if case .time(let cut, _) = split, tally.earliestTime >= cut {
      throw InputError(
        "--split \(split) leaves no event for training: the earliest is of \(Timestamp.text(tally.earliestTime)), "
          + "the cut is at \(Timestamp.text(cut)); choose a later cut; nothing was written")
    }
    throw InputError(
      "--split \(split) leaves no user with two events for training (\(tally.split.training) events of \(tally.lengths.count) users), "
        + (options.coldItems.map { "without those on cold items (--cold-items \($0)), " } ?? "")
        + "so there is no next item to learn; give longer histories or another split; nothing was written")
  }

  private func readItems(_ rows: [Int], _ sink: EventSink, _ items: [Opener], _ manifest: inout DatasetManifest) throws
    -> ItemFiles
  {
    var numbers = [Int32](repeating: -1, count: sink.items.count)
    for (number, item) in rows.enumerated() { numbers[item] = Int32(number) }
    var itemFiles = ItemFiles(
      options, ids: sink.items, numbers: numbers, kept: rows.count, scenes: sink.scenes, note: reporter.note)
    if let known = options.known { try itemFiles.take(known) }
    for open in items { try itemFiles.read(try open()) }
    try itemFiles.badRows.check(options.maximumBadRows, rows: itemFiles.rows, "items")
    manifest.counts.itemRows = itemFiles.goodRows
    manifest.counts.itemRowsUnused = itemFiles.unusedRows
    manifest.counts.itemRowsRepeated = itemFiles.repeatedRows
    manifest.counts.itemsWithoutText = itemFiles.itemsWithoutText
    manifest.counts.badRows = BadRowLog.sum(sink.badRows.summary, itemFiles.badRows.summary)
    manifest.inputs = sink.inputs + itemFiles.inputs
    return itemFiles
  }

  private func fill(_ manifest: inout DatasetManifest, _ tally: SplitTally, _ sink: EventSink) {
    manifest.split = tally.split
    if options.coldItems != nil { (manifest.coldItems, manifest.version) = (tally.cold, DatasetManifest.coldVersion) }
    manifest.audit = tally.audit
    manifest.audit.exactDuplicates = manifest.counts.exactDuplicates
    manifest.sequenceLengths = SequenceLengths(tally.lengths)
    func categories(_ tally: CategoryTally, _ names: NameTable) -> [CategoryCount] {
      tally.items.indices.filter { tally.items[$0] > 0 }.map {
        CategoryCount(name: names.string($0), events: tally.events[$0], users: tally.users[$0], items: tally.items[$0])
      }
    }
    manifest.scenes = categories(tally.scenes, sink.scenes)
    manifest.behaviors = categories(tally.behaviors, sink.behaviors)
  }
}

/// Where `prepare` tells how far it is; the command decides how that looks.
package struct PreparationReporter {
  /// Takes a line for people: a bad row, a stage that begins.
  package var note: (String) -> Void
  /// Takes the rows and bytes of text read so far, often; the receiver decides which to show.
  package var progress: (_ rows: Int, _ bytes: Int) -> Void

  /// Makes a reporter; without arguments it is silent.
  package init(note: @escaping (String) -> Void = { _ in }, progress: @escaping (Int, Int) -> Void = { _, _ in }) {
    self.note = note
    self.progress = progress
  }
}
