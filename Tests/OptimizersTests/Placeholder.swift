// OptimizersTests
