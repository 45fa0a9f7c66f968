/// Numbers as a person reads them; the same everywhere, whatever the locale.
package enum HumanFormat {
  /// `1,234,567`.
  package static func count(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0 && (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return value < 0 ? "-" + text : text
  }

  /// `1 user`, `1,024 users`.
  package static func count(_ value: Int, _ noun: String) -> String { "\(count(value)) \(noun)\(value == 1 ? "" : "s")" }

  /// `0.0420` for 0.042 with 4 decimals; rounds half away from zero; `nan`, `inf` as they are.
  package static func decimal(_ value: Double, _ decimals: Int) -> String {
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    guard scaled < 9e15 else { return "\(value)" }
    let digits = String(Int(scaled))
    let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
    let sign = value < 0 && scaled > 0 ? "-" : ""
    return sign + padded.dropLast(decimals) + (decimals > 0 ? "." + padded.suffix(decimals) : "")
  }

  /// A rate to three digits or so: `0.042`, `4.20`, `42.0`, `4,200`, `4.20 M`.
  package static func rate(_ value: Double) -> String {
    switch value {
    case ..<1: decimal(value, 3)
    case ..<10: decimal(value, 2)
    case ..<100: decimal(value, 1)
    case ..<1_000_000: count(Int(value.rounded()))
    default: decimal(value / 1e6, 2) + " M"
    }
  }

  /// `0:07`, `12:34`, `1:02:03`, `3 d 04:05:06`; seconds rounded to whole ones.
  package static func duration(seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e12 else { return "?" }
    let total = Int(max(0, seconds).rounded())
    let (days, hours, minutes, rest) = (total / 86_400, total / 3600 % 24, total / 60 % 60, total % 60)
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    if days > 0 { return "\(days) d \(two(hours)):\(two(minutes)):\(two(rest))" }
    return hours > 0 ? "\(hours):\(two(minutes)):\(two(rest))" : "\(minutes):\(two(rest))"
  }

  /// `512 B`, `1.5 KiB`, `64.0 MiB`.
  package static func bytes(_ value: Int) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB"]
    guard value >= 1024 else { return "\(value) B" }
    var scaled = Double(value) / 1024
    var unit = 0
    while scaled >= 1023.95 && unit < units.count - 1 {
      scaled /= 1024
      unit += 1
    }
    return decimal(scaled, 1) + " " + units[unit]
  }
}
