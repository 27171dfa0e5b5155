// Jest's test environment: shares the outer realm's typed arrays, which native addons (onnxruntime, sharp, libsql) check by identity.
import { TestEnvironment } from 'jest-environment-node';

export default class Environment extends TestEnvironment {
  async setup() {
    await super.setup();
    Object.assign(this.global, {
      ArrayBuffer,
      Uint8Array,
      Uint8ClampedArray,
      Int8Array,
      Uint16Array,
      Int16Array,
      Uint32Array,
      Int32Array,
      Float32Array,
      Float64Array,
      BigInt64Array,
      BigUint64Array,
      DataView,
      Error,
    });
  }
}
