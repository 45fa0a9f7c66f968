/// What an integer of a file can be.
package protocol IntegerBounds: Sendable {
  /// From the least to the most that a file of ours states; what is beyond is damage.
  static var range: ClosedRange<Int> { get }
}

/// Users, events, rows, steps (ours, a million times the largest public data set's): sums of hundred thousands of them do not overflow.
package enum CountBounds: IntegerBounds {
  /// What they are.
  package static let range = 0...(1 << 44)
}

/// Items: their numbers are stored in 32 bits.
package enum ItemBounds: IntegerBounds {
  /// What they are.
  package static let range = 0...Int(Int32.max)
}

/// Widths and numbers of tokens (ours, twenty times what models have): products of two of them and a number of items do not overflow.
package enum ExtentBounds: IntegerBounds {
  /// What they are.
  package static let range = 0...65_536
}

/// Bytes of a file, 256 TiB at most: sums of thousands of them do not overflow.
package enum ByteBounds: IntegerBounds {
  /// What they are.
  package static let range = 0...(1 << 48)
}

/// An integer that a JSON file of ours states, held against its bounds where it is decoded.
///
/// So no count of a file, whatever it says, is multiplied or taken for a size before it is known to be small enough for that. The file looks as
/// if it were a plain integer.
@propertyWrapper
package struct Bounded<Bounds: IntegerBounds>: Codable, Sendable, Equatable {
  /// The integer; what this program states itself is not checked again.
  package var wrappedValue: Int

  /// Wraps a number of this program's own.
  package init(wrappedValue: Int) { self.wrappedValue = wrappedValue }

  /// Throws `DecodingError` on a number beyond the bounds, with its key path.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let (found, range) = (try? container.decode(Int.self), Bounds.range)
    guard let found, range.contains(found) else {
      let value = found.map { "\($0) is" } ?? "what stands there is"
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "\(value) not a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    wrappedValue = found
  }

  /// Writes the number alone.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(wrappedValue)
  }
}

/// What a decoder found wrong with a JSON file, in a few words: `rows: -1 is not a whole number from 0 to 9`.
package func jsonDamage(_ error: any Error) -> String {
  func location(_ context: DecodingError.Context, _ more: (any CodingKey)? = nil) -> String {
    (context.codingPath + [more].compactMap { $0 }).map { $0.intValue.map(String.init) ?? RecordCoding.key(of: $0.stringValue) }
      .joined(separator: ".")
  }
  return switch error as? DecodingError {
  case .keyNotFound(let key, let context): "\(location(context, key)) is missing"
  case .typeMismatch(_, let context), .valueNotFound(_, let context): "a wrong value at \(location(context))"
  case .dataCorrupted(let context) where !context.codingPath.isEmpty: "\(location(context)): \(context.debugDescription)"
  default: "not valid JSON"
  }
}
