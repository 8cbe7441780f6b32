export { FakeProvider, fakeProvider, type FakeProviderOptions, type FakeStats } from './fake-provider.ts';
export type { FakeAnswer, FakeFailure, FakeModel, FakeToken } from './fake-model.ts';
export type { ContractProbes, ProviderContractSetup } from './contract/contract-setup.ts';
export { PROVIDER_CHECKS, providerContract } from './contract/provider-contract.ts';
export { runProviderCheck, type CheckBench, type ProviderCheck } from './contract/provider-check.ts';
