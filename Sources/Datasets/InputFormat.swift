/// A format of interaction and items files.
public enum InputFormat: String, Sendable, CaseIterable {
  /// RFC 4180 with a header: quoted fields may hold commas, doubled quotes and line ends.
  case csv
  /// Tab-separated with a header; no quoting.
  case tsv
  /// A JSON object a line.
  case jsonl
  /// `ratings.dat` (`user::item::rating::timestamp`) and `movies.dat` (`id::title::genres`; UTF-8 when all of it is, else Latin-1).
  ///
  /// The behaviour is `rate_1` … `rate_5`, the scene `movies`, the text `title | genre, genre`.
  case movieLens1M = "movielens-1m"
  /// Review and metadata lines of the 2014 release; metadata may be Python literals instead of JSON.
  ///
  /// The behaviour is `review`; the scene comes from the file's name: `reviews_Beauty_5.json.gz` and `meta_Beauty.json.gz` are `beauty`.
  case amazon2014 = "amazon-2014"
  /// Review and metadata JSON lines of the 2023 release, times in milliseconds; items are `parent_asin`.
  ///
  /// The behaviour is `review`; the scene comes from the file's name: `All_Beauty.jsonl.gz` and `meta_All_Beauty.jsonl.gz` are `all_beauty`.
  case amazon2023 = "amazon-2023"

  /// Whether column names can be chosen.
  var hasColumns: Bool { self == .csv || self == .tsv || self == .jsonl }
}
