/// What the processes of a host may take of memory, all together.
public struct HostMemory: Sendable, Equatable {
  /// Who sets the bounds: "this machine", or "this process's control group".
  public var holder: String
  /// Bytes that there are, taken or not, swap included.
  public var total: Int
  /// Bytes that may be taken now without anything being pushed out.
  public var free: Int
  /// Bytes that the address space of this process may have; nil = as many as there are.
  public var addressSpace: Int?

  /// Describes a host.
  public init(holder: String, total: Int, free: Int, addressSpace: Int? = nil) {
    self.holder = holder
    self.total = total
    self.free = free
    self.addressSpace = addressSpace
  }
}
