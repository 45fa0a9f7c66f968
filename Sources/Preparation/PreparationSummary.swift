package import Datasets
import Files

extension RowAccount {
  /// Above this share of rows, those that went to the minimums are many (ours).
  static let manyBelowMinimums = 0.05

  /// What to do when the minimums dropped many rows; nil when they did not.
  var minimumsAdvice: String? {
    guard minimumShare > Self.manyBelowMinimums else { return nil }
    let percent = (minimumShare * 1_000).rounded() / 10
    return
      "the minimums dropped \(percent)% of the files' rows; lower --min-user-events or --min-item-events to keep them (1 drops none)"
  }
}

/// A prepared data set in lines for people: what was kept, what was dropped and why, scenes, split, ties and leaks.
package struct PreparationSummary: CustomStringConvertible {
  private let manifest: DatasetManifest

  /// Takes the manifest that it reads from.
  package init(_ manifest: DatasetManifest) { self.manifest = manifest }

  /// All sections, a line each fact.
  package var description: String {
    // Names and paths come from files; none of them may steer a terminal.
    (kept + dropped + table("scene", manifest.scenes) + table("behavior", manifest.behaviors) + split + audit + warnings)
      .map(printable).joined(separator: "\n")
  }

  private var kept: [String] {
    let lengths = manifest.sequenceLengths
    let density = Double(manifest.events) / Double(max(1, manifest.users)) / Double(max(1, manifest.items))
    return [
      "data set \(manifest.checksum): \(HumanFormat.count(manifest.users, "user")), \(HumanFormat.count(manifest.items, "item")), \(HumanFormat.count(manifest.events, "event")), "
        + "density \(percent(density))",
      "sequence length: min \(lengths.minimum), 25% \(lengths.lowerQuartile), median \(lengths.median), 75% \(lengths.upperQuartile), "
        + "95% \(lengths.percentile95), max \(lengths.maximum), mean \(decimals(lengths.mean, 1))",
    ]
  }

  private var dropped: [String] {
    let counts = manifest.counts
    var lines = appended
    lines += [
      "read \(HumanFormat.count(counts.interactionRows, "interaction row")): \(HumanFormat.count(counts.usersSeen, "user")), \(HumanFormat.count(counts.itemsSeen, "item"))"
    ]
    if let account = counts.newRows { lines += rows(account) }
    for bad in counts.badRows { lines.append("  bad rows, \(bad.kind.rawValue): \(HumanFormat.count(bad.count))") }
    lines.append(
      "  exact duplicates: \(HumanFormat.count(counts.exactDuplicates)); dropped by the rule \"\(manifest.preparation.duplicates)\": "
        + "\(HumanFormat.count(counts.droppedDuplicates))")
    lines.append(
      "  dropped by the core filter (users \(manifest.preparation.minimumUserEvents)+, items \(manifest.preparation.minimumItemEvents)+, "
        + "\(HumanFormat.count(counts.coreRounds, "round"))): \(HumanFormat.count(counts.usersDropped, "user")), \(HumanFormat.count(counts.itemsDropped, "item")), "
        + "\(HumanFormat.count(counts.eventsDropped, "event"))")
    lines.append(
      "read \(HumanFormat.count(counts.itemRows, "item row")): \(HumanFormat.count(counts.itemRowsUnused)) of items without kept events, "
        + "\(HumanFormat.count(counts.itemRowsRepeated)) repeated; kept items without text: \(HumanFormat.count(counts.itemsWithoutText))"
    )
    return lines
  }

  /// One line on where the rows of the files went, and what to do when many went to the minimums.
  private func rows(_ account: RowAccount) -> [String] {
    let parts = [
      ("bad", account.bad), ("duplicate", account.duplicates), ("too old", account.tooOld),
      ("of users with fewer than \(manifest.preparation.minimumUserEvents) events", account.belowUserMinimum),
      ("on items with fewer than \(manifest.preparation.minimumItemEvents)", account.belowItemMinimum),
    ].filter { $0.1 > 0 }
    let rest = parts.map { "\(HumanFormat.count($0.1)) \($0.0)" }.joined(separator: ", ")
    let line =
      "  \(percent(account.keptShare)) of them are in the data set (\(HumanFormat.count(account.kept)))"
      + (rest.isEmpty ? "" : "; not: \(rest)")
    // An append says it as a warning, which a quiet job of every day shows too.
    return [line] + (manifest.appendedTo == nil ? account.minimumsAdvice.map { ["  \($0)"] } ?? [] : [])
  }

  private var appended: [String] {
    var lines: [String] = []
    if let known = manifest.appendedTo {
      let users = manifest.users - known.users + known.usersGone
      let kept = known.goneItems == GoneItems.keep.rawValue
      let items = manifest.items - known.items + (kept ? 0 : known.itemsGone)
      lines.append(
        "appended to \(known.checksum) (\(HumanFormat.count(known.users, "user")), \(HumanFormat.count(known.items, "item")), "
          + "\(HumanFormat.count(known.events, "event"))): \(HumanFormat.count(users, "new user")), \(HumanFormat.count(items, "new item"))"
      )
      if known.usersGone + known.itemsGone > 0 {
        lines.append(
          "  without events now: \(HumanFormat.count(known.usersGone, "user")), gone; \(HumanFormat.count(known.itemsGone, "item")), "
            + (kept ? "kept in the catalogue" : "dropped"))
      }
    }
    if let since = manifest.preparation.since {
      lines.append("left out as older than \(since): \(HumanFormat.count(manifest.counts.eventsTooOld ?? 0, "event"))")
    }
    return lines
  }

  private func table(_ what: String, _ rows: [CategoryCount]) -> [String] {
    let shown = rows.prefix(20).map { row in
      "  \(row.name): \(HumanFormat.count(row.events, "event")), \(HumanFormat.count(row.users, "user")), \(HumanFormat.count(row.items, "item"))"
    }
    return ["\(HumanFormat.count(rows.count, what)):"] + shown
      + (rows.count > shown.count ? ["  … and \(rows.count - shown.count) more"] : [])
  }

  private var split: [String] {
    let split = manifest.split
    return [
      "split \(manifest.preparation.split): \(HumanFormat.count(split.training)) training, \(HumanFormat.count(split.validation)) validation, "
        + "\(HumanFormat.count(split.test)) test, \(HumanFormat.count(split.unused)) unused events; \(HumanFormat.count(manifest.shards.count, "virtual shard"))"
    ] + cold
  }

  private var cold: [String] {
    guard let rule = manifest.preparation.coldItems, let cold = manifest.coldItems else { return [] }
    return [
      "cold items \(rule): \(HumanFormat.count(cold.items, "item")) of \(HumanFormat.count(manifest.items)) in no training; left out for that: "
        + HumanFormat.count(cold.eventsLeftOut, "event"),
      "  held out on cold items: \(HumanFormat.count(cold.validation)) validation, \(HumanFormat.count(cold.test)) test events; "
        + "held-out events with nothing before them, unused: \(HumanFormat.count(cold.withoutHistory))",
    ]
  }

  private var audit: [String] {
    let audit = manifest.audit
    var lines = [
      "tie and leak audit (ties in \(manifest.preparation.ties) order):",
      "  validation and test event at the same time: \(HumanFormat.count(audit.validationTestTies, "user")) (\(percent(audit.validationTestTieShare)))",
      "  test event at the same time as an earlier one: \(HumanFormat.count(audit.testTies, "user")) (\(percent(audit.testTieShare)))",
    ]
    if let earliest = audit.earliestTestTime {
      lines.append(
        "  training events later than the earliest test event (\(Timestamp.text(earliest))): "
          + "\(HumanFormat.count(audit.trainingAfterEarliestTest)) (\(percent(audit.trainingAfterEarliestTestShare)))")
    }
    if manifest.preparation.split.hasPrefix("time:") {
      lines.append(
        "  events after the cut that nothing uses: \(HumanFormat.count(audit.eventsAfterCutUnused)); users without an event before it: "
          + HumanFormat.count(audit.usersWithoutHistory))
    }
    return lines
  }

  private var warnings: [String] { (manifest.warnings ?? []).map { "warning: \($0)" } }

  private func percent(_ share: Double) -> String { "\(decimals(share * 100, share < 0.01 ? 4 : 2))%" }

  private func decimals(_ value: Double, _ digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    return "\((value * scale).rounded() / scale)"
  }
}
