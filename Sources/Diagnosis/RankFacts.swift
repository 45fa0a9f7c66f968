import Collectives
import Foundation
import Host
import Tensors

/// What one rank knows of itself and its host; every rank gets to know every rank's.
struct RankFacts: Codable, Equatable, Sendable {
  var rank = 0
  var host = ""
  var process = 0
  /// What carries messages: `solo`, `threads`, `Open MPI 4.1.4`.
  var backend = ""
  /// The MPI library that the program is linked with.
  var library = ""
  /// What MPI promises about threads; nil when it was not started.
  var threadLevel: String?
  /// The cores that this rank may use.
  var cores: [Int] = []
  /// How many cores its machine has; nil where the system does not say.
  var onlineCores: Int?
  /// Cores' worth of time that its container allows; nil without a limit.
  var quota: Double?
  var instructionSet = ""
  /// The kernels of bfloat16 products that it can use, the preferred one last.
  var bfloat16Kernels: [String] = []
  /// Those whose results were wrong.
  var wrongKernels: [String] = []
  /// The one in use, and why no other.
  var bfloat16Products = ""
  /// Bytes that may still be taken.
  var memory = 0
  var sharedMemory: Int?
  var hugePages: String?
  var openFiles: Int?
  var lockedMemory: Int?
  var hasRemoteMemory = false
  var programBytes: Int?
  var interfaces: [NetworkInterface] = []
  /// Environment variables that matter here.
  var variables: [String: String] = [:]
  /// Where a byte of this process is, for a neighbor that tries to read it.
  var byteAddress: UInt64 = 0
  private nonisolated(unsafe) static let byte: UnsafeMutablePointer<UInt8> = {
    let byte = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)
    byte.initialize(to: 1)
    return byte
  }()

  /// Whether the rank is a process that MPI started.
  var isProcess: Bool { threadLevel != nil }

  /// This rank's.
  static func own(_ communicator: any Communicator, environment: [String: String]) -> RankFacts {
    let isProcess = MPIWorld.isRunning
    return RankFacts(
      rank: communicator.rank, host: Machine.host, process: Int(getpid()), backend: communicator.backend,
      library: MPIWorld.library, threadLevel: isProcess ? MPIWorld.threadLevel : nil, cores: Machine.affinity,
      onlineCores: Machine.onlineCores,
      quota: ControlGroup.cores(), instructionSet: Engine.instructionSet,
      bfloat16Kernels: ProductKernel.usable.map(\.rawValue),
      wrongKernels: ProductKernel.allCases.filter { $0.state == .wrong }.map(\.rawValue), bfloat16Products: ProductKernel.summary,
      memory: Machine.memory, sharedMemory: Machine.sharedMemory, hugePages: Machine.hugePages,
      openFiles: Machine.limit("Max open files"), lockedMemory: Machine.limit("Max locked memory"),
      hasRemoteMemory: Machine.hasRemoteMemory, programBytes: Machine.programBytes, interfaces: NetworkInterface.all(),
      variables: environment.filter { isOfInterest($0.key) }, byteAddress: UInt64(UInt(bitPattern: byte)))
  }

  /// Every rank's, in rank order; collective.
  static func gather(_ own: RankFacts, _ communicator: any Communicator) throws -> [RankFacts] {
    let sent = [UInt8](try JSONEncoder().encode(own))
    let counts = try communicator.gatherCounts(sent.count)
    var received = [UInt8](repeating: 0, count: counts.reduce(0, +))
    try sent.withUnsafeBufferPointer { sent in
      try received.withUnsafeMutableBufferPointer { try communicator.allGather(sent, into: $0, counts: counts) }
    }
    var start = 0
    return try counts.map { count in
      defer { start += count }
      return try JSONDecoder().decode(RankFacts.self, from: Data(received[start..<(start + count)]))
    }
  }

  /// The settings of MPI and Slurm that findings speak of; nothing else of the environment is sent anywhere.
  private static func isOfInterest(_ name: String) -> Bool {
    name.hasPrefix("OMPI_MCA_") || name.hasPrefix("PRTE_MCA_") || name == "SLURM_NTASKS"
  }
}
