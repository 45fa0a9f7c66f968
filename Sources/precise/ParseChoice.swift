import ArgumentParser

extension RawRepresentable where RawValue == String, Self: CaseIterable {
  /// The case with this spelling, or a usage error that lists all.
  static func parse(_ text: String) throws -> Self {
    guard let value = Self(rawValue: text) else {
      throw ValidationError("\(text) is none of \(allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return value
  }
}
