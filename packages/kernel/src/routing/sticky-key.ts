import { LOCAL_PRINCIPAL, type StickyKey } from '@golek/api';
import type { InferenceCall } from '@golek/plugins-api';

export type RoutedCall = Pick<InferenceCall, 'request' | 'principal' | 'hints'>;

/** What ties the call to others; undefined when it has nothing of the kind. Users are told apart within their tenant. */
export const stickyKeyOf = ({ request, principal, hints }: RoutedCall, kind: StickyKey): string | undefined => {
  switch (kind) {
    case 'none':
      return undefined;
    case 'tenant':
      return principal.tenant;
    case 'user':
      return request.user === undefined ? undefined : `${principal.tenant}/${request.user}`;
    case 'principal':
      // Without authentication everybody has this id: it ties nobody to anybody.
      return principal.id === LOCAL_PRINCIPAL.id ? undefined : `${principal.tenant}/${principal.id}`;
    case 'hint':
      return hints?.sticky === undefined ? undefined : `${principal.tenant}/${hints.sticky}`;
  }
};
