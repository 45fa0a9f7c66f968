/// One event while it is being sorted: 24 bytes, numbers instead of ids.
struct EventRecord: BitwiseCopyable, Equatable {
  /// Microseconds since 1970-01-01 UTC.
  var time: Int64
  /// Place in the table of user ids.
  var user: UInt32
  /// Place in the table of item ids; later the catalogue's row.
  var item: UInt32
  var scene: UInt16
  var behavior: UInt16
  /// Place in its sort buffer before sorting, which keeps the sort stable.
  var position: UInt32 = 0
}
