import Collectives
import Files
import Foundation

/// What ranks tell each other beside events: records, names, bytes.
extension Communicator {
  /// Rank 0 gets every rank's record, in rank order; the others get none.
  func gatherRecords<Record: Codable>(_ own: Record) throws -> [Record] {
    let bytes = Array(try RecordCoding.encode(own, layout: .line))
    let counts = try gatherToFirst([bytes.count])
    var rest = try gatherToFirst(bytes)[...]
    return try counts.map { count in
      defer { rest = rest.dropFirst(count) }
      return try RecordCoding.decode(Record.self, from: Data(rest.prefix(count)))
    }
  }

  /// Every rank gets rank 0's record, which alone gives one.
  func broadcast<Record: Codable>(record: Record?) throws -> Record {
    let text = try record.map { String(decoding: try RecordCoding.encode($0, layout: .line), as: UTF8.self) }
    return try RecordCoding.decode(Record.self, from: Data(try broadcast(text).utf8))
  }

  /// Sums of whole numbers over the ranks; exact up to 2⁵³.
  func sum(counts: [Int]) throws -> [Int] {
    guard size > 1 else { return counts }
    return try sum(counts.map(Double.init), as: .other).map { Int($0) }
  }
}
