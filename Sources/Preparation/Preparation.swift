package import Collectives
package import Datasets
import Files

/// Makes a data set out of raw event files, on one rank or many: read, sort, filter, split, audit, write.
///
/// ```
/// files → EventReading → EventSorter → UserEventRules → CoreFilter → SplitTally → DatasetWriter → folder
///         (RowSource,    (spills,      (duplicates,     (all-reduced counts)      (items files: ItemFiles)
///          EventSink)     merges)       ties)
/// ```
/// Each rank reads a stretch of the interactions, then has the users of some virtual shards, whose files it writes; rank 0 writes the rest. The bytes are the same on any number of ranks.
///
/// Memory is bounded by the distinct ids and texts plus `PreparationOptions.memory` a rank, not by the number of events (one user's
/// events must fit).
package struct Preparation {
  private let options: PreparationOptions
  private let reporter: PreparationReporter
  private let communicator: any Communicator

  /// Takes what to do, where to tell of it and the ranks that do it.
  package init(
    _ options: PreparationOptions, reporter: PreparationReporter = PreparationReporter(),
    on communicator: any Communicator = SoloCommunicator()
  ) {
    self.options = options
    self.reporter = reporter
    self.communicator = communicator
  }

  /// Does everything and returns the manifest of the new data set, on rank 0.
  ///
  /// Collective; what the other ranks return is not whole.
  ///
  /// Throws `InputError` for bad input; nothing is left under the output's name then.
  ///
  /// - Parameter plan: the files, where they have been looked for; that of rank 0 counts.
  package func run(_ plan: ReadingPlan? = nil) throws -> DatasetManifest {
    try communicator.agree(on: InputError.init) {
      if communicator.isFirst && options.isVerifiedLater { try options.known?.verifyChecksums() }
    }
    let own = try communicator.agree(on: InputError.init) { try communicator.isFirst ? plan ?? ReadingPlan(options) : nil }
    let plan = communicator.size > 1 ? try communicator.broadcast(record: own) : own ?? ReadingPlan()
    let known = options.known.map { known in (0..<known.shardCount).map { known.manifest.files[$0 + 1].bytes } } ?? []
    let (shards, pieces) = plan.share(of: communicator.rank, ranks: communicator.size, shards: known)
    let inputs = ReadingPlan.stretches(pieces).map { stretch in
      EventReading.Input(number: stretch.input) {
        try Importer.interactions(InputFile(path: stretch.path), options, groups: stretch.groups)
      }
    }
    let items: [Opener] = plan.items.map { path in { try Importer.items(InputFile(path: path), options) } }
    return try run(
      EventReading.Share(shards: shards, inputs: inputs),
      items: plan.hasItemStream && !communicator.isFirst ? [] : items, sharingItems: !plan.hasItemStream)
  }

  package typealias Opener = () throws -> any RowSource

  /// The same over sources of any kind, opened one after another, on one rank.
  package func run(interactions: [Opener], items: [Opener]) throws -> DatasetManifest {
    precondition(communicator.size == 1, "\(communicator.size) ranks for sources that one reads")
    let inputs = interactions.enumerated().map { EventReading.Input(number: $0 + 1, open: $1) }
    return try run(
      EventReading.Share(shards: 0..<(options.known?.shardCount ?? 0), inputs: inputs), items: items, sharingItems: true)
  }

  private func run(_ share: EventReading.Share, items: [Opener], sharingItems: Bool) throws -> DatasetManifest {
    let folder = try communicator.agree(on: InputError.init) {
      try communicator.isFirst ? OutputFolder(path: options.output, kind: .dataset, overwrite: options.overwrite) : nil
    }
    let path = try communicator.broadcast(folder?.temporaryPath)
    let reading = EventReading(options: options, reporter: reporter, communicator: communicator, folder: path)
    let read = try reading.run(share)
    var manifest = DatasetManifest()
    manifest.preparation = PreparationProtocol(options)
    manifest.counts.interactionRows = read.account.rows
    if options.since != nil { manifest.counts.eventsTooOld = read.account.rowsTooOld }
    manifest.counts.usersSeen = try communicator.sum(counts: [read.users.count])[0]
    manifest.counts.itemsSeen = read.names.items.count
    let (events, rows) = try sortAndFilter(read, &manifest)
    let itemFiles = ItemFiles(
      options, names: read.names, rows: rows, on: sharingItems ? communicator : SoloCommunicator(), note: reporter.note)
    try write(events, rows, read, itemFiles, items, path, &manifest)
    try communicator.agree(on: InputError.init) { try folder?.commit() }
    return manifest
  }

  /// Returns this rank's kept events with their final item numbers, and each catalogue row's place in the table of ids.
  private func sortAndFilter(_ read: EventReading.Outcome, _ manifest: inout DatasetManifest) throws -> (SortedEvents, [Int]) {
    let sorter = read.sorter
    reporter.note(sorter.runCount > 0 ? "merging \(sorter.runCount + 1) sorted runs" : "sorting")
    var rules = UserEventRules(duplicates: options.duplicates, ties: options.ties, eventHash: read.names.hash)
    let events = try communicator.agree(on: InputError.init) { try sorter.finish(&rules) }
    let filter = CoreFilter(
      minimumUserEvents: options.minimumUserEvents, minimumItemEvents: options.minimumItemEvents, knownUsers: read.knownUsers,
      knownItems: options.known?.items.count ?? 0, keepsGoneItems: options.goneItems == .keep)
    let core = try filter.run(events, itemCount: read.names.items.count, on: communicator)
    let rows = core.keepsItem.indices.filter { core.keepsItem[$0] }
    var numbers = [Int32](repeating: -1, count: core.keepsItem.count)
    for (number, item) in rows.enumerated() { numbers[item] = Int32(number) }
    let (ownUsers, ownEvents) = (events.users.count, events.count)
    events.compact(keepsUser: core.keepsUser, itemNumbers: numbers)
    let sums = try communicator.sum(counts: [
      rules.exactDuplicates, rules.dropped, ownUsers, ownEvents, events.users.count, events.count, core.eventsOfUsers,
    ])
    let (usersBefore, eventsBefore) = (sums[2], sums[3])
    (manifest.users, manifest.items, manifest.events) = (sums[4], rows.count, sums[5])
    guard manifest.events > 0 else {
      if let since = options.since, eventsBefore == 0 { throw InputError("every event is older than --since \(since)") }
      throw InputError(
        "no event is left of \(eventsBefore): no user has \(options.minimumUserEvents) events on items that have "
          + "\(options.minimumItemEvents); lower --min-user-events or --min-item-events")
    }
    (manifest.counts.exactDuplicates, manifest.counts.droppedDuplicates) = (sums[0], sums[1])
    manifest.counts.usersDropped = usersBefore - manifest.users
    manifest.counts.itemsDropped = read.names.items.count - rows.count
    manifest.counts.eventsDropped = eventsBefore - manifest.events
    manifest.counts.newRows = account(
      read.account, manifest.counts, eventsOfUsers: sums[6], eventsOfItems: core.eventsOfItems)
    manifest.counts.coreRounds = core.rounds
    manifest.appendedTo = try options.known.map { try appended($0, events, rows, knownUsers: read.knownUsers) }
    return (events, rows)
  }

  /// Where the rows of the files went: known users and items are never dropped, so whatever was is of these rows.
  private func account(
    _ read: ReadAccount, _ counts: PreparationCounts, eventsOfUsers: Int, eventsOfItems: Int
  ) -> RowAccount {
    var account = RowAccount()
    (account.rows, account.bad, account.tooOld) = (read.rows, read.badRows.total, read.rowsTooOld - read.knownTooOld)
    account.duplicates = counts.droppedDuplicates
    (account.belowUserMinimum, account.belowItemMinimum) = (eventsOfUsers, eventsOfItems)
    account.kept =
      account.rows - account.bad - account.tooOld - account.duplicates - account.belowUserMinimum - account.belowItemMinimum
    account.keptShare = Double(account.kept) / Double(max(1, account.rows))
    return account
  }

  /// What the data set was that this one begins with, and what of it has no event any more; items have their final numbers.
  private func appended(_ known: Dataset, _ events: SortedEvents, _ rows: [Int], knownUsers: Int) throws -> AppendedTo {
    var isAlive = [Int](repeating: 0, count: rows.count)
    events.forEach { _, events in for event in events { isAlive[Int(event.item)] = 1 } }
    isAlive = try communicator.sum(counts: isAlive)
    let items = rows.indices.count { rows[$0] < known.items.count && isAlive[$0] > 0 }
    let users = try communicator.sum(counts: [knownUsers, events.users.count { $0 < knownUsers }])
    var appended = AppendedTo(
      path: known.path, checksum: known.manifest.checksum, users: known.manifest.users, items: known.items.count,
      events: known.manifest.events, usersGone: users[0] - users[1],
      itemsGone: known.items.count - items, goneItems: options.goneItems.rawValue)
    let rules = known.manifest.preparation
    (appended.minimumUserEvents, appended.minimumItemEvents) = (rules.minimumUserEvents, rules.minimumItemEvents)
    return appended
  }

  private func write(
    _ events: SortedEvents, _ rows: [Int], _ read: EventReading.Outcome, _ emptyFiles: ItemFiles, _ items: [Opener],
    _ folder: String,
    _ manifest: inout DatasetManifest
  ) throws {
    reporter.note("splitting and counting \(manifest.events) events")
    let names = read.names
    let isCold = options.coldItems.map { cold in rows.map { cold.contains(names.items[$0]) } } ?? []
    var tally = try SplitTally(
      events, items: rows.count, scenes: names.scenes.count, behaviors: names.behaviors.count, rule: options.split,
      isCold: isCold, on: communicator)
    try checkTraining(tally, users: manifest.users)
    let itemFiles = try readItems(emptyFiles, items)
    if communicator.isFirst { fill(&manifest, &tally, read, itemFiles, rows) }
    let own = CategoryNumbers(scenes: tally.scenes.items.map { $0 > 0 }, behaviors: tally.behaviors.items.map { $0 > 0 })
    let numbers = try communicator.broadcast(record: communicator.isFirst ? own : nil)
    reporter.note("writing \(options.virtualShards) shards")
    var writer = DatasetWriter(folder)
    try writer.makeFolders(on: communicator)
    let ownShards = Shares.range(of: communicator.rank, ranks: communicator.size, count: options.virtualShards)
    let written = try communicator.agree(on: InputError.init) {
      try writer.writeShards(events, read.users, of: ownShards, rule: options.split, numbers: numbers)
    }
    let shards = try communicator.gatherRecords(written).flatMap { $0 }
    manifest.shards = writer.take(shards)
    try communicator.agree(on: InputError.init) {
      guard communicator.isFirst else { return }
      try writer.writeItems(
        ids: names.items, rows: rows, itemFiles: itemFiles, trainCounts: tally.trainCounts, scenePairs: tally.scenes.pairs,
        numbers: numbers, isCold: isCold)
      manifest = try writer.writeManifest(manifest)
    }
  }

  /// Throws `InputError` when the split leaves nothing that a model could learn.
  private func checkTraining(_ tally: SplitTally, users: Int) throws {
    guard tally.usersToLearnFrom == 0 && !options.mayLackTraining else { return }
    let split = options.split
    if case .time(let cut, _) = split, tally.earliestTime >= cut {
      throw InputError(
        "--split \(split) leaves no event for training: the earliest is of \(Timestamp.text(tally.earliestTime)), "
          + "the cut is at \(Timestamp.text(cut)); choose a later cut; nothing was written")
    }
    throw InputError(
      "--split \(split) leaves no user with two events for training (\(tally.split.training) events of \(users) users), "
        + (options.coldItems.map { "without those on cold items (--cold-items \($0)), " } ?? "")
        + "so there is no next item to learn; give longer histories or another split; nothing was written")
  }

  /// Reads the items files on all ranks; rank 0 then has all texts.
  private func readItems(_ emptyFiles: ItemFiles, _ items: [Opener]) throws -> ItemFiles {
    var itemFiles = emptyFiles
    try communicator.agree(on: InputError.init) {
      if let known = options.known { try itemFiles.take(known) }
      for open in items { try itemFiles.read(try open()) }
      try itemFiles.badRows.check(options.maximumBadRows, rows: itemFiles.rows, "items")
    }
    try itemFiles.gather()
    return itemFiles
  }

  /// Completes the tally and the manifest with what the items files say.
  private func fill(
    _ manifest: inout DatasetManifest, _ tally: inout SplitTally, _ read: EventReading.Outcome, _ itemFiles: ItemFiles,
    _ rows: [Int]
  ) {
    tally.scenes.add(listed: itemFiles.listed, categories: read.names.scenes.count)
    manifest.counts.itemRows = itemFiles.goodRows
    manifest.counts.itemRowsUnused = itemFiles.unusedRows
    manifest.counts.itemRowsRepeated = itemFiles.repeatedRows
    manifest.counts.itemsWithoutText = itemFiles.itemsWithoutText
    manifest.counts.badRows = BadRowLog.sum(read.account.badRows.summary, itemFiles.badRows.summary)
    manifest.inputs = read.account.inputs + itemFiles.inputs
    fill(&manifest, tally, read.names)
    let withoutText = rows.indices.reduce(0) { $0 + (itemFiles.text($1).isEmpty ? tally.eventCounts[$1] : 0) }
    let warnings = PreparationWarnings(
      read.account, itemFiles, eventsWithoutText: withoutText, events: manifest.events, unit: options.timeUnit)
    let lost = manifest.appendedTo != nil ? manifest.counts.newRows?.minimumsAdvice.map { [$0] } ?? [] : []
    manifest.warnings = warnings.sentences.isEmpty && lost.isEmpty ? nil : warnings.sentences + lost
  }

  private func fill(_ manifest: inout DatasetManifest, _ tally: SplitTally, _ names: EventNames) {
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
    manifest.scenes = categories(tally.scenes, names.scenes)
    manifest.behaviors = categories(tally.behaviors, names.behaviors)
  }
}

/// Where `prepare` tells how far it is; the command decides how that looks.
package struct PreparationReporter {
  /// Takes a line for people: a bad row, a stage that begins.
  package var note: (String) -> Void
  /// Takes the rows and bytes of text that this rank has read so far, often; the receiver decides which to show.
  package var progress: (_ rows: Int, _ bytes: Int) -> Void

  /// Takes the rows and bytes that all ranks have read together, once.
  package var total: (_ rows: Int, _ bytes: Int) -> Void

  /// Makes a reporter; without arguments it is silent.
  package init(
    note: @escaping (String) -> Void = { _ in }, progress: @escaping (Int, Int) -> Void = { _, _ in },
    total: @escaping (Int, Int) -> Void = { _, _ in }
  ) {
    self.note = note
    self.progress = progress
    self.total = total
  }
}
