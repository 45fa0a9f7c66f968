// swift-tools-version: 6.2
import Foundation
import PackageDescription

/// Options of every Swift target: language mode 6, and nothing implicit about existentials.
let swift: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// A library target of ours under `Sources/`.
func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: swift)
}

/// A test target under `Tests/`; `Fixtures` are read by path, so they are no resources.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies + ["TestSupport"], swiftSettings: swift)
}

/// pkg-config's name for the MPI to build with: PRECISE_MPI when that is set, else the first of the usual ones that is there.
///
/// Debian's `mpi-c` is whichever MPI is the default; others install `ompi-c` (Open MPI) or `mpich`.
let mpi: String = {
  let environment = Context.environment
  if let chosen = environment["PRECISE_MPI"], !chosen.isEmpty { return chosen }
  let folders =
    (environment["PKG_CONFIG_PATH"] ?? "").split(separator: ":").map(String.init)
    + ["/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"].map {
      $0 + "/pkgconfig"
    }
  let names = ["mpi-c", "ompi-c", "mpich"]
  return names.first { name in folders.contains { FileManager.default.fileExists(atPath: "\($0)/\(name).pc") } } ?? names[0]
}()

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

// The layers of the house, lowest first; `.ci/check-imports` holds the sources to this table.
let package = Package(
  name: "precise",
  products: [.executable(name: "precise", targets: ["precise"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
  ],
  targets: [
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CMPI", pkgConfig: mpi, providers: [.apt(["libopenmpi-dev"])]),
    .target(name: "CHost"),
    .target(name: "CMPIShim", dependencies: ["CMPI"]),
    .target(
      name: "CKernels",
      // Optimised in debug builds too: a test suite over unoptimised vector loops would take an hour.
      cSettings: [.unsafeFlags(["-O3"])], linkerSettings: [.linkedLibrary("m")]),

    .target(name: "CMemory"),
    library("Memory", ["CMemory"]),
    library("Files", ["CZlib", "CHost"]),
    library("Config", ["Files", yams]),
    library("Tensors", ["CKernels", "Memory"]),

    library("Datasets", ["Files"]),
    library("Text", ["Files", "Datasets"]),
    library("Synth", ["Files"]),
    library("Reporting", ["Files", logging]),
    library("Ablation", ["Files", "Config", "Reporting"]),
    library("Kernels", ["CKernels", "Tensors"]),
    library("Collectives", ["CMPIShim", "CKernels"]),

    library("Supervision", ["CHost"]),
    library("Diagnosis", ["Memory", "Kernels", "Collectives"]),
    library("Optimizers", ["Tensors", "Kernels"]),
    library("Layers", ["Tensors", "Kernels"]),
    library("Items", ["Tensors", "Kernels", "Collectives", "Layers", "Optimizers"]),
    library("Model", ["Tensors", "Kernels", "Collectives", "Layers", "Items"]),
    library("Batches", ["Tensors", "Datasets"]),
    library("Similarity", ["Tensors", "Kernels", "Files", "Datasets", "Text", "Model"]),
    library(
      "Evaluation", ["Tensors", "Kernels", "Collectives", "Model", "Items", "Layers", "Datasets", "Batches", "Similarity"]),
    library("Checkpoints", ["Tensors", "Collectives", "Items", "Optimizers", "Model", "Files", "Diagnosis"]),
    library(
      "Training",
      [
        "Memory", "Tensors", "Kernels", "Collectives", "Layers", "Items", "Optimizers", "Model", "Config", "Datasets", "Batches",
        "Text", "Files", "Reporting", "Evaluation", "Checkpoints", "CHost", "Similarity", logging,
      ]),
    library(
      "Serving",
      [
        "Similarity",
        "Tensors", "Kernels", "Items", "Model", "Config", "Datasets", "Batches", "Text", "Files", "Reporting", "Evaluation",
        "Training", "Collectives", "Checkpoints",
      ]),

    .executableTarget(
      name: "precise",
      dependencies: [
        argumentParser, logging, "Memory", "CHost", "Files", "Config", "Tensors", "Kernels", "Collectives", "Datasets", "Text",
        "Reporting", "Ablation", "Model", "Training", "Evaluation", "Serving", "Items", "Synth", "Diagnosis", "Checkpoints",
        "Supervision", "Similarity",
      ],
      swiftSettings: swift),

    .target(name: "TestSupport", dependencies: ["Files", "Tensors"], path: "Tests/TestSupport", swiftSettings: swift),
    tests("TestSupportTests", ["Files"]),
    tests("MemoryTests", ["Memory"]),
    tests("FilesTests", ["Files"]),
    tests("ConfigTests", ["Config"]),
    tests("TensorsTests", ["Tensors", "CKernels"]),
    tests("DatasetsTests", ["Datasets", "Files"]),
    tests("TextTests", ["Text", "Datasets", "Files"]),
    tests("SynthTests", ["Synth", "Files"]),
    tests("ReportingTests", ["Reporting", "Files", logging]),
    tests("AblationTests", ["Ablation", "Config", "Files", "Reporting"]),
    tests("KernelsTests", ["Kernels", "Tensors"]),
    tests("CollectivesTests", ["Collectives"]),
    tests("SupervisionTests", ["Supervision"]),
    tests("DiagnosisTests", ["Diagnosis", "Collectives", "Memory"]),
    tests("OptimizersTests", ["Optimizers", "Tensors", "Kernels"]),
    tests("LayersTests", ["Layers", "Tensors", "Kernels"]),
    tests("ItemsTests", ["Items", "Kernels", "Tensors", "Collectives", "Layers", "Optimizers"]),
    tests("ModelTests", ["Model", "Files", "Items", "Layers", "Kernels", "Tensors", "Collectives", "Config"]),
    tests("SimilarityTests", ["Similarity", "Text", "Datasets", "Files", "Tensors", "Kernels", "Model"]),
    tests("BatchesTests", ["Batches", "Datasets", "Files", "Tensors"]),
    tests(
      "EvaluationTests",
      ["Evaluation", "Batches", "Collectives", "Datasets", "Files", "Items", "Model", "Similarity", "Tensors", "Text"]),
    tests("CheckpointsTests", ["Checkpoints", "Files", "Model"]),
    tests(
      "TrainingTests",
      [
        "Training", "Checkpoints", "Optimizers", "Batches", "Collectives", "Config", "Datasets", "Evaluation", "Files", "Items",
        "Kernels", "Layers", "Memory", "Model",
        "Reporting", "Similarity", "Synth", "Tensors", "Text", logging,
      ]),
    tests(
      "ServingTests",
      [
        "Serving", "Training", "Evaluation", "Batches", "Model", "Items", "Tensors", "Collectives", "Config", "Datasets", "Text",
        "Files", "Reporting", "Similarity", "Checkpoints",
      ]),
    tests("CommandTests", ["precise", "Checkpoints", "Datasets", "Files", "Supervision", argumentParser]),
  ],
  cLanguageStandard: .c11
)

// Only there when asked for: it links with a fuzzer's runtime and nothing else (cluster/local/fuzz.sh).
if Context.environment["PRECISE_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "Fuzzing",
      dependencies: [
        "Checkpoints", "Collectives", "Config", "Datasets", "Evaluation", "Files", "Model", "Optimizers", "Reporting",
        "TestSupport",
        "Text", "Training",
      ],
      path: "Tests/Fuzzing", exclude: ["Seeds", "Dictionaries"], swiftSettings: swift))
}
