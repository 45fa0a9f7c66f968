import Collectives
import Host

extension Doctor {
  /// How many ranks there are, where, and what carries their messages.
  static func worldFindings(_ facts: [RankFacts], _ promise: Promise) -> [Finding] {
    [rankFinding(facts, promise), backendFinding(facts), hostFinding(facts)] + programFindings(facts)
  }

  private static func rankFinding(_ facts: [RankFacts], _ promise: Promise) -> Finding {
    let size = facts.count
    let starter = promise.launch?.launcher.rawValue ?? "no launcher"
    if let expected = promise.ranks, expected != size {
      return Finding(
        "ranks", "\(size), \(starter), but \(expected) are expected", .wrong,
        remedy: "start \(expected): mpirun -n \(expected) precise ..., or as many as the batch system or the operator promised")
    }
    // Slurm's number for the job holds in a step, in mpirun's ranks and in the batch script alike.
    if let tasks = facts[0].variables["SLURM_NTASKS"].flatMap(Int.init), tasks != size, promise.ranks == nil {
      return Finding(
        "ranks", "\(size), \(starter), in a Slurm allocation of \(tasks) tasks", .notice,
        remedy: "start one for each task: mpirun -n \(tasks) precise ... inside the allocation, or srun --mpi=pmix")
    }
    return Finding("ranks", "\(size), \(starter)")
  }

  private static func backendFinding(_ facts: [RankFacts]) -> Finding {
    guard let level = facts[0].threadLevel else {
      return Finding("messages", "\(facts[0].backend); linked with \(facts[0].library), which is not started")
    }
    let found = "\(facts[0].backend), threads: \(level)"
    let others = facts.filter { $0.backend != facts[0].backend }
    if let other = others.first {
      return Finding(
        "messages", "\(found); rank \(other.rank) has \(other.backend)", .wrong, remedy: "give every host the same MPI library")
    }
    guard level == "single" else { return Finding("messages", found) }
    return Finding(
      "messages", found, .notice, remedy: "use an MPI library that was built with thread support (funneled is enough)")
  }

  private static func hostFinding(_ facts: [RankFacts]) -> Finding {
    let parts = hosts(facts).map { "\($0.name) (rank\($0.ranks.count == 1 ? "" : "s") \(CoreList.text($0.ranks.map(\.rank))))" }
    return Finding("hosts", "\(parts.count): \(parts.joined(separator: ", "))")
  }

  private static func programFindings(_ facts: [RankFacts]) -> [Finding] {
    var findings: [Finding] = []
    let engine = facts[0].instructionSet
    let slow = facts.filter { ["sse2", "baseline"].contains($0.instructionSet) }
    if let other = facts.first(where: { $0.instructionSet != engine }) {
      findings.append(
        Finding(
          "products", "\(engine); rank \(other.rank) has \(other.instructionSet)", .notice,
          remedy: "use hosts of one kind: each step waits for the slowest, and sums differ in their last bits"))
    } else if !slow.isEmpty {
      findings.append(
        Finding("products", engine, .notice, remedy: "use processors with AVX2 or newer: these take several times as long"))
    } else {
      findings.append(Finding("products", engine))
    }
    findings.append(bfloat16Finding(facts))
    if let other = facts.first(where: { $0.programBytes != facts[0].programBytes }) {
      findings.append(
        Finding(
          "program", "rank \(other.rank) on \(other.host) runs another build of precise than rank 0 on \(facts[0].host)", .wrong,
          remedy: "copy one binary to every host, or start it from a shared folder"))
    }
    return findings
  }

  /// Which kernel multiplies bfloat16: one that all ranks have, as StepPrecision of Training agrees.
  private static func bfloat16Finding(_ facts: [RankFacts]) -> Finding {
    let name = "bf16 products"
    if let rank = facts.first(where: { !$0.wrongKernels.isEmpty }) {
      return Finding(
        name, rank.rank == 0 ? rank.bfloat16Products : "rank \(rank.rank) on \(rank.host): \(rank.bfloat16Products)", .notice,
        remedy: "test the processor of \(rank.host), or leave that host out: it gets products of fixed numbers wrong")
    }
    guard let other = facts.first(where: { $0.bfloat16Kernels != facts[0].bfloat16Kernels }) else {
      return Finding(name, facts[0].bfloat16Products)
    }
    let common = facts[0].bfloat16Kernels.last { kernel in facts.allSatisfy { $0.bfloat16Kernels.contains(kernel) } }
    return Finding(
      name, "\(facts[0].bfloat16Kernels.last ?? "none"); rank \(other.rank) has \(other.bfloat16Kernels.last ?? "none")", .notice,
      remedy:
        "use hosts of one kind: compute.precision bf16 is computed \(common.map { "by \($0)" } ?? "in fp32") on all of these")
  }

  /// The hosts in the order of their first ranks.
  static func hosts(_ facts: [RankFacts]) -> [(name: String, ranks: [RankFacts])] {
    var order: [String] = []
    for rank in facts where !order.contains(rank.host) { order.append(rank.host) }
    return order.map { name in (name, facts.filter { $0.host == name }) }
  }
}
