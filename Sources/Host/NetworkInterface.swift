import Glibc

/// A network interface of a host that is up and has an IPv4 address.
package struct NetworkInterface: Codable, Equatable, Sendable {
  package let name: String
  package let address: String

  /// Whether it leads nowhere but back into this machine: bridges and cables that containers and virtual machines are given.
  ///
  /// Every host has the same `docker0` with the same address; a library that picks it waits for an answer for ever.
  package var isLocalOnly: Bool {
    name == "lo" || ["docker", "br-", "veth", "virbr", "vnet", "podman", "cni", "lxc", "lxd"].contains { name.hasPrefix($0) }
  }

  /// Those of this host.
  package static func all() -> [NetworkInterface] {
    var first: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&first) == 0 else { return [] }
    defer { freeifaddrs(first) }
    var found: [NetworkInterface] = []
    var next = first
    while let entry = next?.pointee {
      next = entry.ifa_next
      guard let address = entry.ifa_addr, address.pointee.sa_family == AF_INET, entry.ifa_flags & UInt32(IFF_UP) != 0
      else { continue }
      found.append(NetworkInterface(name: String(cString: entry.ifa_name), address: text(address)))
    }
    return found
  }

  private static func text(_ address: UnsafeMutablePointer<sockaddr>) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { buffer in
      buffer.initialize(repeating: 0)
      guard let base = buffer.baseAddress else { return "?" }
      let size = socklen_t(MemoryLayout<sockaddr_in>.size)
      return getnameinfo(address, size, base, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST) == 0 ? String(cString: base) : "?"
    }
  }
}
