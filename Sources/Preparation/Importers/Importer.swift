import Datasets

/// Opens input files as row sources, by format.
enum Importer {
  /// A source of events.
  ///
  /// Throws `InputError` when the file cannot be read or lacks columns.
  static func interactions(_ path: String, _ options: PreparationOptions) throws -> any RowSource {
    let format = options.format ?? InputFormat(ofFile: path)
    switch format {
    case .csv, .tsv:
      return try DelimitedSource(
        path: path, format: format, layouts: interactionLayouts(options), timeUnit: options.timeUnit)
    case .jsonl:
      return try ObjectSource(path: path, layouts: interactionLayouts(options), timeUnit: options.timeUnit)
    case .movieLens1M:
      return try MovieLensSource(path: path, kind: .ratings)
    case .amazon2014:
      return try amazon(path, [.user: "reviewerID", .item: "asin", .timestamp: "unixReviewTime"], .seconds, isPython: true)
    case .amazon2023:
      return try amazon(path, [.user: "user_id", .item: "parent_asin", .timestamp: "timestamp"], .milliseconds, isPython: false)
    }
  }

  /// A source of items with their texts.
  ///
  /// Throws `InputError` when the file cannot be read or lacks columns.
  static func items(_ path: String, _ options: PreparationOptions) throws -> any RowSource {
    let format = options.format ?? InputFormat(ofFile: path)
    switch format {
    case .csv, .tsv:
      return try DelimitedSource(path: path, format: format, layouts: itemLayouts(options, isTable: true), timeUnit: .seconds)
    case .jsonl:
      return try ObjectSource(path: path, layouts: itemLayouts(options, isTable: false), timeUnit: .seconds)
    case .movieLens1M:
      return try MovieLensSource(path: path, kind: .movies)
    case .amazon2014:
      return try amazon(path, [.item: "asin", .text: "title"], .seconds, isPython: true)
    case .amazon2023:
      return try amazon(path, [.item: "parent_asin", .text: "title"], .seconds, isPython: false)
    }
  }

  /// How rows of interactions are made of a file's fields, by the names that are looked for first, then by others.
  static func interactionLayouts(_ options: PreparationOptions) -> [RowLayout] {
    options.columnChoices.map { RowLayout($0, required: [.user, .item, .timestamp], optional: [.scene, .behavior]) }
  }

  /// The same for rows of items; a table (`isTable`) has all of its columns in a header, objects need not have a text.
  static func itemLayouts(_ options: PreparationOptions, isTable: Bool) -> [RowLayout] {
    options.columnChoices.map { columns in
      // A scene column that only the interactions have is no mistake here.
      let names = columns.isChosen(.scene) ? columns.withoutChoice(of: .scene) : columns
      let required = isTable ? names.requiredOfItems : [.item]
      return RowLayout(names, required: required, optional: [.item, .text, .scene, .features].filter { !required.contains($0) })
    }
  }

  private static func amazon(_ path: String, _ names: [Column: String], _ unit: TimeUnit, isPython: Bool) throws -> ObjectSource {
    var columns = ColumnNames()
    for (column, name) in names { columns[column] = name }
    let required = Column.allCases.filter { names[$0] != nil && $0 != .text }
    return try ObjectSource(
      path: path, layouts: [RowLayout(columns, required: required, optional: names[.text] == nil ? [] : [.text])], timeUnit: unit,
      isPython: isPython, scene: scene(ofFile: path), behavior: "review")
  }

  /// The scene that an Amazon file's name tells: `reviews_Beauty_5.json.gz`, `meta_Beauty.json.gz` and `Beauty.jsonl` are `beauty`.
  static func scene(ofFile path: String) -> String {
    var name = path.split(separator: "/").last.map(String.init) ?? path
    for ending in [".gz", ".json", ".jsonl"] where name.hasSuffix(ending) { name.removeLast(ending.count) }
    for beginning in ["reviews_", "meta_"] where name.hasPrefix(beginning) { name.removeFirst(beginning.count) }
    if let underscore = name.lastIndex(of: "_"), name[underscore...].dropFirst().allSatisfy(\.isNumber) {
      name = String(name[..<underscore])
    }
    return name.isEmpty || name == "-" ? "default" : name.lowercased()
  }
}
