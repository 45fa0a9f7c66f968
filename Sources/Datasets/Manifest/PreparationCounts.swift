package import Files

/// What `prepare` read, refused and dropped, and why.
package struct PreparationCounts: Codable, Sendable, Equatable {
  /// Rows of the interaction files, good and bad.
  @Bounded<CountBounds> package var interactionRows = 0
  /// Bad rows of all files by kind, only kinds that occurred.
  package var badRows: [BadRows] = []
  /// Events that repeat another in user, item, time, scene and behavior (whether dropped or not).
  @Bounded<CountBounds> package var exactDuplicates = 0
  /// Events dropped by the rule for duplicates.
  @Bounded<CountBounds> package var droppedDuplicates = 0
  /// Events left out because they are older than `--since`, those of the data set that was appended to included; nil without it.
  package var eventsTooOld: Int?
  /// Where the rows of the interaction files went; nil in data sets of earlier versions.
  package var newRows: RowAccount?
  /// Users seen in good rows.
  @Bounded<CountBounds> package var usersSeen = 0
  /// Items seen in good interaction rows.
  @Bounded<CountBounds> package var itemsSeen = 0
  /// Users dropped because they had too few events.
  @Bounded<CountBounds> package var usersDropped = 0
  /// Items dropped because they had too few events.
  @Bounded<CountBounds> package var itemsDropped = 0
  /// Events dropped with their user or item.
  @Bounded<CountBounds> package var eventsDropped = 0
  /// Rounds until nobody was dropped any more.
  @Bounded<CountBounds> package var coreRounds = 0
  /// Good rows of the items files.
  @Bounded<CountBounds> package var itemRows = 0
  /// Rows of the items files whose item has no kept event.
  @Bounded<CountBounds> package var itemRowsUnused = 0
  /// Rows of the items files whose item already had a text (the first text stays).
  @Bounded<CountBounds> package var itemRowsRepeated = 0
  /// Kept items that no row gave a text.
  @Bounded<CountBounds> package var itemsWithoutText = 0

  package init() {}

  /// Bad rows of one kind.
  package struct BadRows: Codable, Sendable, Equatable {
    /// What is wrong with them.
    package var kind: BadRowKind
    /// How many.
    @Bounded<CountBounds> package var count: Int

    package init(kind: BadRowKind, count: Int) {
      self.kind = kind
      self.count = count
    }
  }
}

/// Where the rows of the interaction files went, without those of a data set that was appended to: the parts add up to all rows.
///
/// Ours. An event goes with whichever is dropped first, its user or its item. A row that repeats another counts as a duplicate even where
/// the rule keeps it in place of an older event.
package struct RowAccount: Codable, Sendable, Equatable {
  /// All rows, good and bad.
  @Bounded<CountBounds> package var rows = 0
  /// Rows whose events the data set has.
  @Bounded<CountBounds> package var kept = 0
  /// `kept` of `rows`, 0 to 1.
  package var keptShare = 0.0
  /// Rows that cannot be read.
  @Bounded<CountBounds> package var bad = 0
  /// Rows dropped by the rule for duplicates.
  @Bounded<CountBounds> package var duplicates = 0
  /// Rows older than `--since`.
  @Bounded<CountBounds> package var tooOld = 0
  /// Rows of users with fewer events than the minimum.
  @Bounded<CountBounds> package var belowUserMinimum = 0
  /// Rows on items with fewer events than the minimum.
  @Bounded<CountBounds> package var belowItemMinimum = 0

  package init() {}

  /// Rows that the minimums dropped, as a share of all.
  package var minimumShare: Double { Double(belowUserMinimum + belowItemMinimum) / Double(max(1, rows)) }
}

/// What can be wrong with an input row.
package enum BadRowKind: String, Codable, Sendable, CaseIterable {
  /// More or fewer fields than the header (or the format) has.
  case fieldCount = "wrong number of fields"
  /// A quoted field that does not end properly.
  case quoting = "broken quotes"
  /// A line that is no JSON object.
  case json = "broken JSON"
  /// A JSON row or cell without a value that every row must have.
  case missing = "missing value"
  /// An empty user or item id.
  case emptyID = "empty id"
  /// An id over 1 KiB.
  case longID = "id over 1024 bytes"
  /// An id that is not UTF-8.
  case encoding = "id not UTF-8"
  /// An id with a control character or a line separator.
  case control = "control character in id"
  /// A timestamp that is neither a number nor ISO 8601.
  case timestamp = "timestamp not a time"
  /// A timestamp outside the years -6000 to 9999.
  case timestampRange = "timestamp out of range"
  /// A MovieLens rating that is not 1 to 5.
  case rating = "rating not 1 to 5"

  /// Reads a kind's name from a manifest.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let name = try container.decode(String.self)
    // Versions that read numbers only called it so.
    let known = name == "timestamp not a number" ? BadRowKind.timestamp.rawValue : name
    guard let kind = BadRowKind(rawValue: known) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "no kind of bad row")
    }
    self = kind
  }
}

/// Quantiles of the users' event counts (lower quantile: the value at rank `floor(q (n - 1))`).
package struct SequenceLengths: Codable, Sendable, Equatable {
  /// The shortest sequence.
  @Bounded<CountBounds> package var minimum = 0
  /// The quantile 0.25.
  @Bounded<CountBounds> package var lowerQuartile = 0
  /// The quantile 0.5.
  @Bounded<CountBounds> package var median = 0
  /// The quantile 0.75.
  @Bounded<CountBounds> package var upperQuartile = 0
  /// The quantile 0.95.
  @Bounded<CountBounds> package var percentile95 = 0
  /// The longest sequence.
  @Bounded<CountBounds> package var maximum = 0
  /// Events per user.
  package var mean = 0.0

  package init() {}

  /// Quantiles of lengths.
  ///
  /// - Parameter users: how many users have each length.
  package init(_ users: [Int: Int]) {
    let sorted = users.sorted { $0.key < $1.key }
    let count = sorted.reduce(0) { $0 + $1.value }
    guard count > 0 else { return }
    func quantile(_ share: Double) -> Int {
      var before = Int(share * Double(count - 1))
      for (length, users) in sorted {
        if before < users { return length }
        before -= users
      }
      return 0
    }
    minimum = quantile(0)
    lowerQuartile = quantile(0.25)
    median = quantile(0.5)
    upperQuartile = quantile(0.75)
    percentile95 = quantile(0.95)
    maximum = quantile(1)
    mean = Double(sorted.reduce(0) { $0 + $1.key * $1.value }) / Double(count)
  }
}

/// How many events each part of the split has.
package struct SplitCounts: Codable, Sendable, Equatable {
  /// Training events.
  @Bounded<CountBounds> package var training = 0
  /// Validation events, one a user at most.
  @Bounded<CountBounds> package var validation = 0
  /// Test events, one a user at most.
  @Bounded<CountBounds> package var test = 0
  /// Events behind the test event, or of users that a time split leaves without a history.
  @Bounded<CountBounds> package var unused = 0

  package init(training: Int = 0, validation: Int = 0, test: Int = 0, unused: Int = 0) {
    self.training = training
    self.validation = validation
    self.test = test
    self.unused = unused
  }
}

/// A scene or a behavior: its name and how much there is of it.
package struct CategoryCount: Codable, Sendable, Equatable {
  /// The name as it stood in the input.
  package var name: String
  /// Kept events.
  @Bounded<CountBounds> package var events: Int
  /// Users with at least one such event.
  @Bounded<CountBounds> package var users: Int
  /// Items with at least one such event (for scenes: or a listing in the items files).
  @Bounded<CountBounds> package var items: Int

  package init(name: String, events: Int, users: Int, items: Int) {
    self.name = name
    self.events = events
    self.users = users
    self.items = items
  }
}

/// The data set that another was appended to, and what came to it: part of the new one's manifest.
package struct AppendedTo: Codable, Sendable, Equatable {
  /// The folder as it was given.
  package var path: String
  /// Its checksum.
  package var checksum: String
  /// Users that it had.
  @Bounded<CountBounds> package var users: Int
  /// Items that it had.
  @Bounded<CountBounds> package var items: Int
  /// Events that it had.
  @Bounded<CountBounds> package var events: Int
  /// Its users that have no event any more and are gone.
  @Bounded<CountBounds> package var usersGone: Int
  /// Its items that have no event any more, whether they were kept or dropped.
  @Bounded<CountBounds> package var itemsGone: Int
  /// `keep` or `drop`: what was done with them.
  package var goneItems: String
  /// The minimum of events a user that it was prepared with; nil in data sets of earlier versions.
  package var minimumUserEvents: Int?
  /// The minimum of events an item that it was prepared with; nil in data sets of earlier versions.
  package var minimumItemEvents: Int?

  package init(
    path: String, checksum: String, users: Int, items: Int, events: Int, usersGone: Int, itemsGone: Int, goneItems: String
  ) {
    self.path = path
    self.checksum = checksum
    self.users = users
    self.items = items
    self.events = events
    self.usersGone = usersGone
    self.itemsGone = itemsGone
    self.goneItems = goneItems
  }
}
